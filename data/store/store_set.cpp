#include "data/store/store_set.h"

#include <algorithm>
#include <functional>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "data/store/for_each_row.h"
#include "data/store/internal/store_groups.h"

namespace fgm {

namespace fs = std::filesystem;

std::vector<fs::path> files_of_stores(const std::string& list) {
  std::vector<fs::path> files;
  for (const auto& group : parse_stores(list)) files.insert(files.end(), group.files.begin(), group.files.end());
  return files;
}

StoreSet::StoreSet(const std::string& list) : list_(list) {
  for (const auto& group : parse_stores(list)) {
    const int64_t first = size();
    for (size_t i = 0; i < group.files.size(); ++i) {
      const auto& store = group.known.empty() ? stores_.emplace_back(group.files[i])
                                              : stores_.emplace_back(group.files[i], group.known[i]);
      firsts_.push_back(size() + store.size());
    }
    is_indexed_ = !group.known.empty();
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
