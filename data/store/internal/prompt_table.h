#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/hash.h"
#include "data/hdf5/h5_file.h"
#include "data/store/positioned_file.h"

namespace fgm {

// The prompts of a store, which stay on the disk: `data`, everywhere, is the store's file. Any number of threads may
// read at once.
class PromptTable {
 public:
  // IoError when the tables are missing, empty or disagree in size; `name` is the file's.
  PromptTable(const H5File& file, const std::string& name);

  int64_t size() const { return size_; }
  // DamageError naming the file, the prompt and what is wrong with it: outside the blob, a check-sum that disagrees.
  std::string read(const PositionedFile& data, int64_t index) const;

  // Adds the check-sums and lengths of all prompts to a digest.
  void add_checksums(const PositionedFile& data, Digest& digest) const;

  // Called with a prompt, and with what is wrong with it and what to do; the text is good until it returns.
  using See = std::function<void(int64_t index, std::string_view text, const std::optional<std::string>& problem)>;
  // All prompts in their order, in few reads and little memory. IoError when the file cannot be read.
  void each(const PositionedFile& data, const See& see) const;

 private:
  std::optional<std::string> problem_of_place(int64_t index, uint64_t offset, uint64_t length) const;

  H5Extent blob_, offsets_, lengths_, hashes_;
  int64_t size_ = 0;
};

// Records with the same prompt share its bytes.
void write_prompts(H5File& file, std::span<const std::string> prompts);

}  // namespace fgm
