#include "data/store/store_set.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <set>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/text.h"
#include "core/io/file.h"
#include "data/store/for_each_row.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kWhole = 1'000'000'000;  // weights are in billionths

// Files that are shuffled together.
struct StoreGroup {
  std::vector<fs::path> files = {};
  int64_t weight = 0;  // 0: what the others leave
};

StoreGroup group_of(const std::string& pattern, int64_t weight) {
  auto files = find_files(pattern);
  if (files.empty()) files.emplace_back(pattern);
  return {std::move(files), weight};
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

std::vector<StoreGroup> parse_stores(const std::string& list) {
  std::error_code ignored;
  if (fs::exists(list, ignored)) return {{{list}, kWhole}};
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

}  // namespace

std::vector<fs::path> files_of_stores(const std::string& list) {
  std::vector<fs::path> files;
  for (const auto& group : parse_stores(list)) files.insert(files.end(), group.files.begin(), group.files.end());
  return files;
}

StoreSet::StoreSet(const std::string& list) : list_(list) {
  for (const auto& group : parse_stores(list)) {
    const int64_t first = size();
    for (const auto& file : group.files) firsts_.push_back(size() + stores_.emplace_back(file).size());
    shares_.push_back({size() - first, group.weight});
  }
}

size_t StoreSet::number_of_file(int64_t index) const {
  check(index >= 0 && index < size(), "record {} of {}, which has {}", index, list_, size());
  return static_cast<size_t>(std::ranges::upper_bound(firsts_, index) - firsts_.begin() - 1);
}

Range StoreSet::file_of(int64_t index) const {
  const size_t file = number_of_file(index);
  return {firsts_[file], firsts_[file + 1]};
}

std::pair<const Store&, int64_t> StoreSet::place_of(int64_t index) const {
  const size_t file = number_of_file(index);
  return {stores_[file], index - firsts_[file]};
}

std::string StoreSet::caption(int64_t index) const {
  const auto [store, record] = place_of(index);
  return store.caption(record);
}

void StoreSet::each_caption(const std::function<void(std::string_view)>& see) const {
  for (const auto& store : stores_) store.each_caption(see);
}

std::string StoreSet::digest() const {
  if (stores_.size() == 1) return stores_[0].digest();
  Digest digest;
  for (const auto& store : stores_) add_text(digest, store.digest());
  return digest.hex();
}

at::Tensor StoreSet::images(std::span<const int64_t> indices) const {
  auto shape = stores_[0].image_shape();
  check(!shape.empty(), "{} has no images", list_);
  shape.insert(shape.begin(), std::ssize(indices));
  const auto out = at::empty(shape, at::kByte);
  const size_t row_bytes = static_cast<size_t>(out.numel()) / indices.size();
  auto* const rows = static_cast<std::byte*>(out.data_ptr());
  for_each_row(std::ssize(indices), [&](int64_t row) {
    const auto [store, record] = place_of(indices[static_cast<size_t>(row)]);
    store.read_row(record, {rows + static_cast<size_t>(row) * row_bytes, row_bytes});
  });
  return out;
}

Store::Pairs StoreSet::pairs(std::span<const int64_t> indices) const {
  std::vector<at::Tensor> noise, samples;
  for (const int64_t index : indices) {
    const auto [store, record] = place_of(index);
    auto pair = store.pairs({&record, 1});
    noise.push_back(std::move(pair.noise));
    samples.push_back(std::move(pair.samples));
  }
  return {at::cat(noise), at::cat(samples)};
}

}  // namespace fgm
