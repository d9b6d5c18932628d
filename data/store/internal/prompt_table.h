#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/hdf5/h5_file.h"

namespace fgm {

// The prompts of a store, all in memory.
class PromptTable {
 public:
  // IoError when the tables are missing, empty or disagree in size; `name` is the file's.
  PromptTable(const H5File& file, const std::string& name);

  int64_t size() const { return std::ssize(offsets_); }
  // What is wrong with a prompt, and what to do; nothing when it is whole.
  std::optional<std::string> problem(int64_t index) const;
  // Of a prompt that lies in the blob, as one without a problem does.
  std::string_view text(int64_t index) const;

 private:
  std::string blob_;
  std::vector<uint64_t> offsets_, lengths_, hashes_;
};

// Records with the same prompt share its bytes.
void write_prompts(H5File& file, std::span<const std::string> prompts);

}  // namespace fgm
