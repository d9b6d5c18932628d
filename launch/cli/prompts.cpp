#include "launch/cli/prompts.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/text.h"
#include "data/store/store.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

Prompt from_caption(const std::string& caption) {
  return {caption, nlohmann::json{{"prompt", caption}}.dump()};
}

Prompt from_json(const std::string& line, const std::string& place) {
  const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  require<ConfigError>(json.is_object() && json.contains("prompt") && json["prompt"].is_string(),
                       "{} is no JSON object with a \"prompt\"", place);
  return {json["prompt"].get<std::string>(), line};
}

std::vector<Prompt> read_lines(const fs::path& path) {
  std::ifstream file(path);
  require<IoError>(file.good(), "sample.prompts = '{}' cannot be read", path.string());
  std::vector<Prompt> prompts;
  int64_t number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    const auto text = trim(line);
    if (text.empty()) continue;
    prompts.push_back(path.extension() == ".jsonl" ? from_json(text, fmt::format("{}:{}", path.string(), number))
                                                   : from_caption(text));
  }
  return prompts;
}

}  // namespace

std::vector<Prompt> read_prompts(const fs::path& path) {
  require<ConfigError>(!path.empty(), "sample.prompts is not set; give a store or a text file with a caption a line");
  std::vector<Prompt> prompts;
  if (path.extension() == ".h5") {
    for (const auto& caption : Store(path).prompts()) prompts.push_back(from_caption(caption));
  } else {
    prompts = read_lines(path);
  }
  require<ConfigError>(!prompts.empty(), "sample.prompts = '{}' holds no caption", path.string());
  return prompts;
}

}  // namespace fgm
