#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <string>

#include "core/config/sections.h"

namespace fgm {

struct DeviceDecision {
  c10::Device device;
  std::string reason;  // for the log: "cuda:1: rank 1 of 2 on a host with 8 GPUs"
};

// The device of the rank that is number `local_rank` of the `local_size` on its host, which has `num_gpus`
// GPUs. kAuto takes a GPU when every rank of the host can have its own (NCCL refuses two ranks on one), else
// the CPU. ConfigError when kCuda is asked for and cannot be had.
DeviceDecision choose_device(DeviceChoice choice, int64_t local_rank, int64_t local_size, int64_t num_gpus);

// GPUs that this process sees; 0 in a CPU build or without a driver.
int64_t num_visible_gpus();

}  // namespace fgm
