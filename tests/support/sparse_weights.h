#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/formats/sd3_shapes.h"

namespace fgm {

// A single file with Stability's names of an SD3 transformer of `config` in bfloat16, whose values are a hole: any size
// costs no disk, and reads as zeros. Returns its bytes.
inline uint64_t write_sparse_weights(const std::filesystem::path& path, const MMDiTConfig& config) {
  nlohmann::ordered_json header;
  uint64_t end = 0;
  for (const auto& tensor : external_tensors(mmdit_shapes(config), Naming::kStability, kSingleFilePrefix)) {
    const uint64_t begin = end;
    end += 2 * static_cast<uint64_t>(c10::multiply_integers(tensor.shape));
    header[tensor.name] = {{"dtype", "BF16"}, {"shape", tensor.shape}, {"data_offsets", {begin, end}}};
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const uint64_t header_bytes = text.size();
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(&header_bytes), 8) << text;
  const uint64_t bytes = 8 + header_bytes + end;
  std::filesystem::resize_file(path, bytes);
  return bytes;
}

}  // namespace fgm
