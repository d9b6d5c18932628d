#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "core/base/error.h"

namespace fgm {

// The name that a file has while several processes write it: OUT.partial.
std::filesystem::path partial_file(const std::filesystem::path& out);

// The first entry that differs between what was begun and what is wanted, with both values; "" when none does.
std::string difference_of_provenance(const nlohmann::json& begun, const nlohmann::json& wanted);

// What differs between the prompts of a file that was begun and those that are wanted; "" for nothing.
std::string difference_of_prompts(const std::filesystem::path& partial, std::span<const std::string> prompts);

// ConfigError naming a prompt that is not UTF-8.
void require_utf8(std::span<const std::string> prompts);

// Those of the records [begin, end) that a partial file does not hold whole.
template <typename File>
std::vector<int64_t> remaining_records(const File& file, int64_t begin, int64_t end) {
  check(begin >= 0 && begin <= end && end <= file.size(), "records {} to {} of {}", begin, end, file.size());
  const auto is_done = file.done(begin, end);
  std::vector<std::byte> record(file.most_bytes());
  std::vector<int64_t> records;
  for (int64_t i = begin; i < end; ++i) {
    if (!is_done[static_cast<size_t>(i - begin)] || !file.read(i, record)) records.push_back(i);
  }
  return records;
}

// Gives the partial file its name, when it is on the disk; an older file of that name is replaced. IoError, and where
// fewer than all of its `size` records are written.
void publish_partial(const std::filesystem::path& out, int64_t num_done, int64_t size);

}  // namespace fgm
