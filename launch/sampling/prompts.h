#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace fgm {

struct Prompt {
  std::string caption;
  std::string metadata;  // a JSON object with at least "prompt"
};

inline constexpr const char* kScenes = "scenes";

// The captions of a store (.h5), as they stand there; of GenEval's evaluation_metadata.jsonl (any .jsonl with an object
// in each line that has a "prompt"; the whole line is kept); of a .json file, which is one array of such objects or of
// texts; or of any other file, which is text with a caption in each line. Endings may be in capitals. Captions of files
// are trimmed and in Unicode's normal form C; empty lines of text and .jsonl do not count, and '#' is a character like
// any other. At least one. And of no file: kScenes names the training captions of the scene grammar, as many of each
// category (shapes::balanced_captions). `key`: of the config, for messages. IoError, or ConfigError naming the line.
std::vector<Prompt> read_prompts(const std::filesystem::path& path, const std::string& key = "sample.prompts");

std::vector<std::string> captions_of(const std::vector<Prompt>& prompts);

}  // namespace fgm
