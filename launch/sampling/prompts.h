#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace fgm {

struct Prompt {
  std::string caption;
  std::string metadata;  // a JSON object with at least "prompt"
};

// The captions of a store (.h5), as they stand there; of GenEval's evaluation_metadata.jsonl (any .jsonl with an object
// in each line that has a "prompt"; the whole line is kept); of a .json file, which is one array of such objects or of
// texts; or of any other file, which is text with a caption in each line. Endings may be in capitals. Captions of files
// are trimmed and in Unicode's normal form C; empty lines of text and .jsonl do not count, and '#' is a character like
// any other. At least one. IoError, or ConfigError naming the line.
std::vector<Prompt> read_prompts(const std::filesystem::path& path);

}  // namespace fgm
