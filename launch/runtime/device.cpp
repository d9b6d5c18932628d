#include "launch/runtime/device.h"

#include <ATen/Context.h>

#include "core/base/error.h"

namespace fgm {

DeviceDecision choose_device(DeviceChoice choice, int64_t local_rank, int64_t local_size, int64_t num_gpus) {
  if (choice == DeviceChoice::kCpu) return {c10::kCPU, "cpu: asked for"};
  if (num_gpus >= local_size) {
    const c10::Device device(c10::kCUDA, static_cast<c10::DeviceIndex>(local_rank));
    return {device,
            fmt::format("{}: rank {} of {} on a host with {} GPUs", device.str(), local_rank, local_size, num_gpus)};
  }
  const std::string shortage =
      num_gpus == 0 ? "no GPU is visible"
                    : fmt::format("{} GPUs are too few for the {} ranks of this host", num_gpus, local_size);
  require<ConfigError>(choice == DeviceChoice::kAuto, "run.device = cuda, but {}", shortage);
  return {c10::kCPU, "cpu: " + shortage};
}

int64_t num_visible_gpus() {
  return static_cast<int64_t>(at::getNumGPUs());
}

}  // namespace fgm
