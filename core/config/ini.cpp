#include "core/config/ini.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>

#include "core/base/error.h"
#include "core/base/text.h"

namespace fgm {
namespace {

std::string section_name(const std::string& line, const std::string& place) {
  require<ConfigError>(line.back() == ']', "{}: '{}' does not end in ']'{}", place, line, non_ascii_note(line));
  std::string section = trim(std::string_view(line).substr(1, line.size() - 2));
  require<ConfigError>(!section.empty(), "{}: '{}' names no section", place, line);
  return section;
}

Setting parse_line(const std::string& line, const std::string& section, const std::string& place) {
  const size_t equals = line.find('=');
  require<ConfigError>(equals != std::string::npos, "{}: '{}' is neither 'key = value' nor '[section]'{}", place, line,
                       non_ascii_note(line));
  const std::string key = trim(std::string_view(line).substr(0, equals));
  require<ConfigError>(!key.empty(), "{}: '{}' has no key before '='", place, line);
  return {section.empty() ? key : section + "." + key, trim(std::string_view(line).substr(equals + 1)), place};
}

}  // namespace

std::vector<Setting> parse_ini(std::string_view text, const std::string& name) {
  std::vector<Setting> settings;
  std::map<std::string, std::string> first_places;
  std::string section;
  int64_t number = 0;
  for (const auto raw : lines_of(text)) {
    const std::string line = trim(raw.substr(0, raw.find('#')));
    const std::string place = fmt::format("{}:{}", name, ++number);
    if (line.empty()) continue;
    if (line.front() == '[') {
      section = section_name(line, place);
      continue;
    }
    settings.push_back(parse_line(line, section, place));
    const auto& key = settings.back().key;
    const auto [first, is_new] = first_places.emplace(key, place);
    require<ConfigError>(is_new, "{}: '{}' was already set at {}", place, key, first->second);
  }
  return settings;
}

std::vector<Setting> read_ini(const std::filesystem::path& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  const bool is_read = file && !std::filesystem::is_directory(path) && (text << file.rdbuf() || file.peek() == EOF);
  if (!is_read) {
    const std::error_code reason = errno != 0 ? last_error() : std::make_error_code(std::errc::is_a_directory);
    throw IoError(fmt::format("config file '{}' cannot be read", path.string()), reason);
  }
  const std::string bytes = text.str();
  auto settings = parse_ini(decode_text(bytes, path.string()), path.string());
  UnseenCharacters unseen;
  for (const auto& setting : settings) unseen.count(setting.value, [&] { return setting.place; });
  unseen.log(path.string());
  return settings;
}

}  // namespace fgm
