#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/io/safetensors.h"

namespace fgm {

inline constexpr uint64_t kMaxSafetensorsHeader = 100'000'000;  // the reference implementation's limit

struct SafetensorsHeader {
  std::vector<TensorInfo> tensors;  // in file order
  std::vector<uint64_t> begins;     // where the bytes of each begin in the data section; they end begins + num_bytes
  std::map<std::string, std::string> metadata;
};

// Parses and checks the JSON header of a file whose data section holds `data_bytes` bytes: types, names given
// once, shapes that match their byte ranges without overflow, ranges that tile the data section exactly.
// IoError beginning with `path`.
SafetensorsHeader parse_safetensors_header(const std::filesystem::path& path, std::string_view json,
                                           uint64_t data_bytes);

}  // namespace fgm
