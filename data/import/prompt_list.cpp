#include "data/import/prompt_list.h"

#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/eval/shapes/dataset.h"
#include "core/io/file.h"
#include "core/io/strict_json.h"
#include "data/import/internal/caption_rules.h"
#include "data/import/internal/csv.h"
#include "data/store/store.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

Prompt from_caption(const std::string& caption) {
  return {caption, ordered_json{{"prompt", caption}}.dump()};
}

std::vector<std::string> columns_of(const std::string& column) {
  if (!column.empty()) return {column};
  return {"prompt", "caption", "text"};
}

// "prompt" or "caption" or "text"
std::string in_quotes(const std::vector<std::string>& columns) {
  return fmt::format("\"{}\"", fmt::join(columns, "\" or \""));
}

std::string checked(const std::string& prompt, const std::string& place) {
  require<ConfigError>(prompt.find('\0') == std::string::npos, "{}: its prompt holds NUL, which no text has", place);
  return to_nfc(trim(prompt));
}

// `metadata` is the JSON object that `json` was read from.
Prompt from_object(ordered_json json, const std::string& metadata, const std::vector<std::string>& columns,
                   const std::string& place) {
  const auto column = std::ranges::find_if(
      columns, [&](const auto& name) { return json.is_object() && json.contains(name) && json[name].is_string(); });
  require<ConfigError>(column != columns.end(), "{} is no JSON object with a text {}", place, in_quotes(columns));
  auto caption = checked(json[*column].get<std::string>(), place);
  if (*column == "prompt") return {std::move(caption), metadata};
  json["prompt"] = caption;
  return {std::move(caption), json.dump()};
}

void require_no_column(const fs::path& path, const PromptListOptions& options) {
  require<ConfigError>(options.column.empty(),
                       "the column '{}' was asked for, and {} has none: .jsonl, .json, .csv and .tsv have",
                       options.column, path.string());
}

class Reader {
 public:
  Reader(const fs::path& path, const PromptListOptions& options)
      : path_(path), options_(options), columns_(columns_of(options.column)) {}

  PromptList read() {
    const auto extension = lower(path_.extension().string());  // Windows programs write .JSONL, too
    if (extension == ".jsonl") {
      read_json_lines();
    } else if (extension == ".json") {
      read_json_array();
    } else if (extension == ".csv" || extension == ".tsv") {
      read_table(extension == ".csv" ? ',' : '\t');
    } else {
      require_no_column(path_, options_);
      extension == ".h5" ? read_store() : read_lines();
    }
    unseen_.log(path_.string());
    return std::move(list_);
  }

 private:
  std::string place_of_line(int64_t line) const { return fmt::format("{}:{}", path_.string(), line); }

  // Keeps what make() returns, unless it throws for a bad line.
  template <typename Make>
  void add(const std::string& place, const Make& make) {
    try {
      list_.prompts.push_back(make());
      unseen_.count(list_.prompts.back().caption, [&] { return place; });
    } catch (const ConfigError& error) {
      if (options_.max_bad == 0) throw;
      require<ConfigError>(list_.num_bad < options_.max_bad, "{}: more than {} lines cannot be used, here {}",
                           path_.string(), options_.max_bad, error.what());
      ++list_.num_bad;
      spdlog::warn("left out: {}", error.what());
    }
  }

  // Calls use(line, place) for each line that is not blank.
  template <typename Use>
  void for_each_line(const Use& use) {
    const auto text = read_text(path_);
    int64_t number = 0;
    for (const auto raw : lines_of(text)) {
      ++number;
      if (const auto line = trim(raw); !line.empty()) use(line, place_of_line(number));
    }
  }

  void read_lines() {
    for_each_line([&](const auto& line, const auto& place) { add(place, [&] { return from_caption(to_nfc(line)); }); });
  }

  void read_json_lines() {
    for_each_line([&](const auto& line, const auto& place) {
      add(place, [&] { return prompt_of_json(line, options_.column, place); });
    });
  }

  // [ "a prompt", {"prompt": "another"} ]
  void read_json_array() {
    const auto text = read_text(path_);
    ordered_json array;
    try {
      array = parse_json(text);
    } catch (const IoError& error) {
      throw ConfigError(
          fmt::format("{}: {}; a file with an object in each line is named .jsonl", path_.string(), error.what()));
    }
    require<ConfigError>(array.is_array(),
                         "{} is no JSON array of prompts; a file with an object in each line is named "
                         ".jsonl",
                         path_.string());
    int64_t number = 0;
    for (const auto& item : array) {
      const auto place = fmt::format("{}: prompt {}", path_.string(), ++number);
      add(place, [&]() -> Prompt {
        require<ConfigError>(item.is_string() || item.is_object(), "{} is neither a text nor an object with a text {}",
                             place, in_quotes(columns_));
        if (item.is_object()) return from_object(item, item.dump(), columns_, place);
        return from_caption(checked(item.template get<std::string>(), place));
      });
    }
  }

  void read_table(char separator) {
    const auto text = read_text(path_);
    CsvReader table(text, separator);
    const auto next = [&] {
      try {
        return table.next();
      } catch (const IoError& error) {
        throw IoError(fmt::format("{}: {}", path_.string(), error.what()));
      }
    };
    const auto header = next();
    if (!header) return;
    const auto names = trimmed(header->fields);
    const size_t column = find_column(names);
    while (const auto record = next()) {
      const auto place = place_of_line(record->line);
      add(place, [&] { return from_record(*record, names, column, place); });
    }
  }

  static std::vector<std::string> trimmed(const std::vector<std::string>& fields) {
    std::vector<std::string> names;
    for (const auto& field : fields) names.push_back(trim(field));
    return names;
  }

  size_t find_column(const std::vector<std::string>& names) const {
    for (const auto& column : columns_) {
      const auto found = std::ranges::find(names, column);
      if (found != names.end()) return static_cast<size_t>(found - names.begin());
    }
    throw ConfigError(fmt::format("{}: its first line names the columns \"{}\", and none is {}", path_.string(),
                                  printable(fmt::format("{}", fmt::join(names, "\", \""))), in_quotes(columns_)));
  }

  Prompt from_record(const CsvRecord& record, const std::vector<std::string>& names, size_t column,
                     const std::string& place) const {
    require<ConfigError>(record.problem.empty(), "{}: {}", place, record.problem);
    require<ConfigError>(record.fields.size() == names.size(),
                         "{}: it has {} fields, and the first line names {} columns; is a separator in a text without "
                         "quotes?",
                         place, record.fields.size(), names.size());
    ordered_json json;
    for (size_t i = 0; i < names.size(); ++i) json[names[i]] = record.fields[i];
    json["prompt"] = checked(record.fields[column], place);
    return {json["prompt"], json.dump()};
  }

  void read_store() {
    const Store store(path_);
    store.log_text_remarks();
    store.each_caption([&](std::string_view caption) { list_.prompts.push_back(from_caption(std::string(caption))); });
  }

  const fs::path& path_;
  const PromptListOptions& options_;
  std::vector<std::string> columns_;  // the names that the prompt's may have, best first
  PromptList list_;
  UnseenCharacters unseen_;
};

PromptList scenes(const PromptListOptions& options) {
  require_no_column(kScenes, options);
  PromptList list;
  for (const auto& caption : shapes::balanced_captions(shapes::Split::kTrain)) {
    list.prompts.push_back(from_caption(caption));
  }
  return list;
}

}  // namespace

PromptList read_prompt_list(const fs::path& path, const PromptListOptions& options) {
  require<ConfigError>(!path.empty(), "{} is not set; give a store or a text file with a caption a line", options.key);
  auto list = path == kScenes ? scenes(options) : Reader(path, options).read();
  require<ConfigError>(!list.prompts.empty(), "{} = '{}' holds no caption", options.key, path.string());
  return list;
}

Prompt prompt_of_json(std::string_view object, const std::string& column, const std::string& place) {
  const auto columns = columns_of(column);
  try {
    return from_object(parse_json(object), std::string(object), columns, place);
  } catch (const IoError& error) {
    throw ConfigError(fmt::format("{} is no JSON object with a text {}: {}", place, in_quotes(columns), error.what()));
  }
}

std::vector<std::string> captions_of(const std::vector<Prompt>& prompts) {
  std::vector<std::string> captions;
  for (const auto& prompt : prompts) captions.push_back(prompt.caption);
  return captions;
}

std::vector<std::string> read_prompts(const fs::path& path, const std::string& column) {
  return captions_of(read_prompt_list(path, {.column = column}).prompts);
}

}  // namespace fgm
