#include "core/io/strict_json.h"

#include <set>
#include <string>
#include <vector>

#include "core/base/error.h"

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

}  // namespace

json parse_strict_json(std::string_view text, int max_depth) {
  try {
    return json::parse(text, StructureGuard(max_depth));
  } catch (const json::exception& error) {
    throw IoError(fmt::format("it is not valid JSON ({})", error.what()));
  }
}

}  // namespace fgm
