#include "launch/sampling/prompts.h"

#include <algorithm>
#include <cctype>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/eval/shapes/dataset.h"
#include "core/io/file.h"
#include "core/io/strict_json.h"
#include "data/store/store.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

// The extension in lower case: Windows programs write .JSONL, too.
std::string extension_of(const fs::path& path) {
  auto extension = path.extension().string();
  std::ranges::transform(extension, extension.begin(), [](unsigned char c) { return std::tolower(c); });
  return extension;
}

Prompt from_caption(const std::string& caption) {
  return {caption, ordered_json{{"prompt", caption}}.dump()};
}

// `metadata` is the JSON object that `json` was read from.
Prompt from_object(const ordered_json& json, const std::string& metadata, const std::string& place) {
  const bool has_prompt = json.is_object() && json.contains("prompt") && json["prompt"].is_string();
  require<ConfigError>(has_prompt, "{} is no JSON object with a \"prompt\"", place);
  const auto prompt = json["prompt"].get<std::string>();
  require<ConfigError>(prompt.find('\0') == std::string::npos, "{}: its prompt holds NUL, which no text has", place);
  return {to_nfc(trim(prompt)), metadata};
}

Prompt from_json_line(std::string_view line, const std::string& place) {
  try {
    return from_object(parse_json(line), std::string(line), place);
  } catch (const IoError& error) {
    throw ConfigError(fmt::format("{} is no JSON object with a \"prompt\": {}", place, error.what()));
  }
}

std::vector<Prompt> read_lines(const fs::path& path, bool is_json) {
  const auto text = read_text(path);
  std::vector<Prompt> prompts;
  UnseenCharacters unseen;
  int64_t number = 0;
  for (const auto raw : lines_of(text)) {
    ++number;
    const auto line = trim(raw);
    if (line.empty()) continue;
    prompts.push_back(is_json ? from_json_line(line, fmt::format("{}:{}", path.string(), number))
                              : from_caption(to_nfc(line)));
    unseen.count(prompts.back().caption, [&] { return fmt::format("line {}", number); });
  }
  unseen.log(path.string());
  return prompts;
}

// [ "a prompt", {"prompt": "another"} ]
std::vector<Prompt> read_array(const fs::path& path) {
  const auto text = read_text(path);
  ordered_json array;
  try {
    array = parse_json(text);
  } catch (const IoError& error) {
    throw ConfigError(
        fmt::format("{}: {}; a file with an object in each line is named .jsonl", path.string(), error.what()));
  }
  require<ConfigError>(array.is_array(),
                       "{} is no JSON array of prompts; a file with an object in each line is named "
                       ".jsonl",
                       path.string());
  std::vector<Prompt> prompts;
  UnseenCharacters unseen;
  for (const auto& item : array) {
    const auto place = fmt::format("prompt {}", prompts.size() + 1);
    require<ConfigError>(item.is_string() || item.is_object(),
                         "{}: {} is neither a text nor an object with a \"prompt\"", path.string(), place);
    const auto json = item.is_string() ? ordered_json{{"prompt", item}} : item;
    prompts.push_back(from_object(json, json.dump(), fmt::format("{}: {}", path.string(), place)));
    unseen.count(prompts.back().caption, [&] { return place; });
  }
  unseen.log(path.string());
  return prompts;
}

std::vector<Prompt> read_any(const fs::path& path) {
  std::vector<Prompt> prompts;
  if (path == kScenes) {
    for (const auto& caption : shapes::balanced_captions(shapes::Split::kTrain))
      prompts.push_back(from_caption(caption));
    return prompts;
  }
  const auto extension = extension_of(path);
  if (extension == ".json") return read_array(path);
  if (extension != ".h5") return read_lines(path, extension == ".jsonl");
  const Store store(path);
  store.log_text_remarks();
  for (const auto& caption : store.prompts()) prompts.push_back(from_caption(caption));
  return prompts;
}

}  // namespace

std::vector<Prompt> read_prompts(const fs::path& path, const std::string& key) {
  require<ConfigError>(!path.empty(), "{} is not set; give a store or a text file with a caption a line", key);
  auto prompts = read_any(path);
  require<ConfigError>(!prompts.empty(), "{} = '{}' holds no caption", key, path.string());
  return prompts;
}

std::vector<std::string> captions_of(const std::vector<Prompt>& prompts) {
  std::vector<std::string> captions;
  for (const auto& prompt : prompts) captions.push_back(prompt.caption);
  return captions;
}

}  // namespace fgm
