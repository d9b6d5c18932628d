#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace fgm {

struct Prompt {
  std::string caption;
  std::string metadata;  // a JSON object with at least "prompt"
};

// The captions of a store (.h5), of GenEval's evaluation_metadata.jsonl (any .jsonl with a "prompt" in each line; the
// whole line is kept), or of a text file with one in each line. At least one. IoError, or ConfigError naming the line.
std::vector<Prompt> read_prompts(const std::filesystem::path& path);

}  // namespace fgm
