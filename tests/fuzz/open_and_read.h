#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <span>

#include "core/base/error.h"
#include "core/io/safetensors.h"
#include "tests/support/read_tensor.h"

namespace fgm {

// Opens `bytes` as a safetensors file and reads every tensor whose elements are known. True when it opened, false when
// it was refused with an IoError; whatever else happens ends the process.
inline bool open_and_read(std::span<const uint8_t> bytes) {
  static const int memory = memfd_create("fuzz", 0);
  if (ftruncate(memory, 0) != 0 || pwrite(memory, bytes.data(), bytes.size(), 0) != std::ssize(bytes)) std::abort();
  try {
    const SafetensorsFile file("/proc/self/fd/" + std::to_string(memory));
    uint64_t total = 0, sum = 0;
    for (const auto& info : file.tensors()) {
      total += info.num_bytes;
      if (!info.unread_dtype.empty()) continue;
      const auto view = read_tensor(file, info.name);
      if (info.num_bytes != view.nbytes()) std::abort();
      const auto* data = static_cast<const uint8_t*>(view.const_data_ptr());
      for (size_t i = 0; i < view.nbytes(); ++i) sum += data[i];
    }
    if (total > bytes.size() || sum > 255 * total) std::abort();
    return true;
  } catch (const IoError&) {
    return false;
  }
}

}  // namespace fgm
