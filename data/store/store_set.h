#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/range.h"
#include "data/store/store.h"

namespace fgm {

// The files that a list of stores names (StoreSet), in the order of the set's records. A pattern that matches no file
// stays as it is. ConfigError as StoreSet's.
std::vector<std::filesystem::path> files_of_stores(const std::string& list);

// Several stores that are read as one. Its records are those of the files, one file behind the other. All const member
// functions may run on any number of threads at once.
class StoreSet : public Captions {
 public:
  // Records that are shuffled together, and in which part of all samples they are, in billionths.
  struct Share {
    int64_t size = 0;
    int64_t weight = 0;
  };

  // `list` has files, or patterns such as "prompts-*.h5", with commas between them: "a.h5, b.h5:0.3, prompts-*.h5".
  // What stands behind a colon is the part that a file, or the files of a pattern together, have in the samples; the
  // others share what is left, by their sizes. A list that is the name of a file is that file; of an index, S.json
  // (write_store_index()), the set that it was made of, whose prompts are not read before they are needed.
  // ConfigError when no file is named or one twice, when a part is not above 0 and at most 1, and when all parts leave
  // nothing to others or, where there are none, are not 1 together. IoError as Store's, and naming a file that has
  // changed since its index was made.
  explicit StoreSet(const std::string& list);

  const std::string& place() const { return list_; }  // the list
  const std::vector<Store>& stores() const { return stores_; }
  // The files without a weight come first, together, then each weight's.
  const std::vector<Share>& shares() const { return shares_; }

  int64_t size() const override { return firsts_.back(); }
  std::string caption(int64_t index) const override;
  void each_caption(const std::function<void(std::string_view)>& see) const override;
  bool is_indexed() const override { return is_indexed_; }
  // Of a single store its own.
  std::string digest() const;

  // The records of the file that `index` is in.
  Range file_of(int64_t index) const;

  // As Store's, of which all must have images of one size, or pairs.
  at::Tensor images(std::span<const int64_t> indices) const;
  Store::Pairs pairs(std::span<const int64_t> indices) const;

 private:
  size_t number_of_file(int64_t index) const;
  std::pair<const Store&, int64_t> place_of(int64_t index) const;

  std::string list_;
  bool is_indexed_ = false;
  std::vector<Store> stores_;
  std::vector<Share> shares_;
  std::vector<int64_t> firsts_ = {0};  // the number of each store's first record, and of all records
};

}  // namespace fgm
