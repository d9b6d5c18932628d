#include "data/store/internal/store_groups.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/io/file.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kWhole = 1'000'000'000;  // weights are in billionths

StoreGroup group_of(const std::string& pattern, int64_t weight) {
  auto files = find_files(pattern);
  if (files.empty()) files.emplace_back(pattern);
  return {.files = std::move(files), .weight = weight};
}

StoreGroup parse_entry(const std::string& entry) {
  const size_t colon = entry.rfind(':');
  if (colon == std::string::npos) return group_of(entry, 0);
  double weight = 0;
  const char* end = entry.data() + entry.size();
  const auto [stop, error] = std::from_chars(entry.data() + colon + 1, end, weight);
  if (error != std::errc() || stop != end) return group_of(entry, 0);
  const auto billionths = weight > 0 && weight <= 1 ? std::llround(weight * kWhole) : 0;
  require<ConfigError>(billionths > 0,
                       "data.store: {} has the weight {}; give its part of the samples, above 0 and at most 1",
                       entry.substr(0, colon), weight);
  return group_of(trim(entry.substr(0, colon)), billionths);
}

// The first group has what the weights leave, and is not there when no file is without one.
void share_the_rest(std::vector<StoreGroup>& groups, const std::string& list) {
  constexpr int64_t kRounding = 1000;  // of three parts of 0.333333, say
  int64_t given = 0;
  for (const auto& group : groups) given += group.weight;
  const double sum = static_cast<double>(given) / kWhole;
  if (groups[0].files.empty()) {
    require<ConfigError>(std::abs(given - kWhole) <= kRounding,
                         "data.store = {}: the weights are {} together, and there are no files without one to have the "
                         "rest; let them be 1",
                         list, sum);
    groups.erase(groups.begin());
  } else {
    require<ConfigError>(given < kWhole,
                         "data.store = {}: the weights are {} together and leave nothing to the files without one; "
                         "lower them, or give each file one",
                         list, sum);
    groups[0].weight = kWhole - given;
  }
}

void require_distinct(const std::vector<StoreGroup>& groups) {
  std::set<fs::path> seen;
  for (const auto& group : groups) {
    for (const auto& file : group.files) {
      std::error_code error;
      const auto real = fs::weakly_canonical(file, error);
      require<ConfigError>(seen.insert(error ? file : real).second, "data.store names {} twice; name every file once",
                           file.string());
    }
  }
}

}  // namespace

std::vector<StoreGroup> parse_stores(const std::string& list) {
  std::error_code ignored;
  if (fs::exists(list, ignored)) {
    if (fs::path(list).extension() == ".json") return read_store_index(list);
    return {{.files = {list}, .weight = kWhole}};
  }
  const auto entries = split(list, ',');
  require<ConfigError>(!entries.empty(), "data.store = '{}' names no file", list);
  std::vector<StoreGroup> groups(1);
  for (const auto& entry : entries) {
    auto group = parse_entry(entry);
    if (group.weight > 0) {
      groups.push_back(std::move(group));
    } else {
      groups[0].files.insert(groups[0].files.end(), group.files.begin(), group.files.end());
    }
  }
  require_distinct(groups);
  share_the_rest(groups, list);
  return groups;
}

}  // namespace fgm
