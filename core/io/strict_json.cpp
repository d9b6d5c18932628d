#include "core/io/strict_json.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/io/file.h"

namespace fgm {
namespace {

using nlohmann::json;

class StructureGuard {
 public:
  explicit StructureGuard(int max_depth) : max_depth_(max_depth) {}

  bool operator()(int depth, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::object_start || event == json::parse_event_t::array_start) {
      require<IoError>(depth < max_depth_, "values are nested more than {} deep", max_depth_);
      keys_.resize(static_cast<size_t>(depth) + 1);
      keys_.back().clear();
    } else if (event == json::parse_event_t::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      require<IoError>(keys_.back().insert(key).second, "'{}' is given twice", key);
    } else if (event == json::parse_event_t::object_end || event == json::parse_event_t::array_end) {
      keys_.resize(static_cast<size_t>(depth));
    }
    return true;
  }

 private:
  int max_depth_;
  std::vector<std::set<std::string>> keys_;
};

// The parser stopped at byte `end` of `text`, the first being 1.
std::string describe_error(std::string_view text, size_t end, std::string_view reason) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return "it is empty";
  if (end > text.size()) return "it is cut short";
  const auto before = text.substr(0, std::max<size_t>(end, 1) - 1);
  const size_t line_begin = before.rfind('\n') + 1;  // 0 without a line before
  const bool is_one_line = text.substr(0, text.size() - 1).find('\n') == text.npos;
  const auto place =
      fmt::format("{}column {}", is_one_line ? "" : fmt::format("line {}, ", std::ranges::count(before, '\n') + 1),
                  before.size() - line_begin + 1);
  const bool is_half = reason.find("surrogate") != reason.npos;
  if (is_half) return place + ": half of a character, \\uD800 to \\uDFFF come in pairs";
  return fmt::format("{}: {} is unexpected", place, describe_character(text.substr(before.size())));
}

// Json::parse(text, more...), whose own messages nobody shall see.
template <typename Json, typename... More>
Json parse(std::string_view text, const More&... more) {
  try {
    return Json::parse(text, more...);
  } catch (const json::parse_error& error) {
    throw IoError(fmt::format("it is not valid JSON ({})", describe_error(text, error.byte, error.what())));
  } catch (const json::out_of_range&) {
    throw IoError("it is not valid JSON (a number in it is too large)");
  }
}

}  // namespace

nlohmann::ordered_json parse_json(std::string_view text) {
  return parse<nlohmann::ordered_json>(text);
}

json read_json(const std::filesystem::path& path) {
  const auto text = read_text(path);
  try {
    return parse<json>(text);
  } catch (const IoError& error) {
    throw IoError(fmt::format("{}: {}", path.string(), error.what()));
  }
}

json parse_strict_json(std::string_view text, int max_depth) {
  return parse<json>(text, StructureGuard(max_depth));
}

}  // namespace fgm
