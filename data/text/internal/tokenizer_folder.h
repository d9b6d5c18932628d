#pragma once

#include <filesystem>
#include <functional>
#include <initializer_list>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/text/internal/added_tokens.h"

namespace fgm {

// What the files of a tokenizer say, as transformers writes them into a folder.
struct TokenizerFolder {
  std::filesystem::path vocabulary;           // the file that holds it; empty for the one inside the program
  nlohmann::json tokenizer;                   // tokenizer.json where it is that file, else null
  std::vector<AddedToken> added;              // of tokenizer_config.json, else of tokenizer.json
  std::map<std::string, AddedToken> special;  // by their keys ("pad_token"), without ids

  // For messages.
  std::string name() const { return vocabulary.empty() ? "the vocabulary inside fgm" : vocabulary.string(); }

  // The id of the special token `key`, which is `absent` where no file names one. It becomes an added token; its id
  // is that of the added token of this content, else the one of the vocabulary, which `id_of` knows. ConfigError
  // where neither has it.
  int64_t add_special(const std::string& key, const AddedToken& absent,
                      const std::function<std::optional<int64_t>(const std::string&)>& id_of);
};

// `path` is a file, a folder with one of the files `names` (the first that is there is the vocabulary), or empty.
// ConfigError when there is none of them; ConfigError or IoError naming the file that cannot be used.
TokenizerFolder open_tokenizer_folder(const std::filesystem::path& path, std::initializer_list<const char*> names);

// The value of `key`; null where `object` lacks it or is no object.
const nlohmann::json& member(const nlohmann::json& object, const std::string& key);
// Text, or an id from 0 to 2^31 - 1. ConfigError naming `file` and `what` when `value` is something else.
const std::string& text_in(const nlohmann::json& value, const std::string& file, std::string_view what);
int64_t id_in(const nlohmann::json& value, const std::string& file, std::string_view what);

}  // namespace fgm
