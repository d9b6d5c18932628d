#include "data/text/internal/tokenizer_folder.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <limits>

#include "core/base/error.h"
#include "core/base/number.h"
#include "core/base/text.h"
#include "core/io/strict_json.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int64_t kMaxId = std::numeric_limits<int32_t>::max();

fs::path find_vocabulary(const fs::path& path, std::initializer_list<const char*> names) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) return path;
  for (const auto* name : names) {
    if (fs::exists(path / name, ignored)) return path / name;
  }
  throw ConfigError(fmt::format("{} holds no {}; give the folder of a tokenizer, or one of these files", path.string(),
                                fmt::join(names, " and no ")));
}

json read_if_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored) ? read_json(path) : json();
}

// A token's content, or an object with it and its flags.
AddedToken read_token(const json& value, const std::string& file, const std::string& what) {
  const bool is_object = value.is_object();
  AddedToken token{.content = text_in(is_object ? member(value, "content") : value, file, what)};
  require<ConfigError>(!token.content.empty(), "{}: {} is empty", file, what);
  require<ConfigError>(member(value, "single_word") != true, "{}: {} '{}' has single_word, which fgm does not know",
                       file, what, printable(token.content));
  token.is_normalized = member(value, "normalized") == true;
  return token;
}

std::vector<AddedToken> tokens_of_config(const json& decoder, const std::string& file) {
  std::vector<AddedToken> tokens;
  for (const auto& [key, value] : decoder.items()) {
    tokens.push_back(read_token(value, file, "an added token"));
    const auto id = parse_number<int64_t>(key);
    require<ConfigError>(id && *id >= 0 && *id <= kMaxId, "{}: added token '{}' has the id '{}', which is none", file,
                         printable(tokens.back().content), printable(key));
    tokens.back().id = *id;
  }
  return tokens;
}

std::vector<AddedToken> tokens_of_tokenizer(const json& list, const std::string& file) {
  std::vector<AddedToken> tokens;
  for (const auto& value : list) {
    tokens.push_back(read_token(value, file, "an added token"));
    tokens.back().id = id_in(member(value, "id"), file, "the id of an added token");
  }
  return tokens;
}

void read_special(const json& map, const std::string& file, std::map<std::string, AddedToken>& special) {
  for (const auto* key : {"bos_token", "eos_token", "unk_token", "pad_token"}) {
    const auto& value = member(map, key);
    if (!value.is_null()) special.try_emplace(key, read_token(value, file, key));
  }
}

}  // namespace

const json& member(const json& object, const std::string& key) {
  static const json kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(key);
  return found == object.end() ? kNull : *found;
}

const std::string& text_in(const json& value, const std::string& file, std::string_view what) {
  require<ConfigError>(value.is_string(), "{}: {} should be text and is {}", file, what,
                       value.is_null() ? "missing" : value.type_name());
  return value.get_ref<const std::string&>();
}

int64_t id_in(const json& value, const std::string& file, std::string_view what) {
  const bool is_id = value.is_number_unsigned() && value.get<uint64_t>() <= static_cast<uint64_t>(kMaxId);
  require<ConfigError>(is_id, "{}: {} should be a number from 0 to {} and is {}", file, what, kMaxId,
                       value.is_number() ? value.dump()
                       : value.is_null() ? "missing"
                                         : value.type_name());
  return value.get<int64_t>();
}

int64_t TokenizerFolder::add_special(const std::string& key, const AddedToken& absent,
                                     const std::function<std::optional<int64_t>(const std::string&)>& id_of) {
  auto token = special.contains(key) ? special.at(key) : absent;
  const auto known = std::ranges::find(added, token.content, &AddedToken::content);
  if (known != added.end()) return known->id;
  const auto id = id_of(token.content);
  require<ConfigError>(id.has_value(), "{}: {} is '{}', which the vocabulary lacks", name(), key,
                       printable(token.content));
  token.id = *id;
  added.push_back(std::move(token));
  return *id;
}

TokenizerFolder open_tokenizer_folder(const fs::path& path, std::initializer_list<const char*> names) {
  TokenizerFolder found;
  if (path.empty()) return found;
  found.vocabulary = find_vocabulary(path, names);
  const auto folder = found.vocabulary.parent_path();
  const auto config_path = folder / "tokenizer_config.json", map_path = folder / "special_tokens_map.json";
  const auto config = read_if_there(config_path);
  read_special(config, config_path.string(), found.special);
  read_special(read_if_there(map_path), map_path.string(), found.special);

  if (found.vocabulary.extension() == ".json") found.tokenizer = read_json(found.vocabulary);
  if (const auto& decoder = member(config, "added_tokens_decoder"); !decoder.empty()) {
    found.added = tokens_of_config(decoder, config_path.string());
  } else if (!found.tokenizer.is_null()) {
    found.added = tokens_of_tokenizer(member(found.tokenizer, "added_tokens"), found.name());
  } else {
    const auto other = folder / "tokenizer.json";
    found.added = tokens_of_tokenizer(member(read_if_there(other), "added_tokens"), other.string());
  }
  return found;
}

}  // namespace fgm
