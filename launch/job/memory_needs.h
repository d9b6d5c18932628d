#pragma once

#include <cstdint>
#include <vector>

#include "core/config/config.h"
#include "launch/runtime/memory_limit.h"
#include "launch/runtime/world.h"

namespace fgm {

// The ranks that share this host's memory.
struct RanksOnHost {
  int64_t num_ranks = 1;  // of the whole job
  int64_t on_host = 1;    // those of them that are on this host
  bool is_cpu = true;     // whether they compute in the host's memory
};

RanksOnHost ranks_on_host(const World& world);

// What a command surely holds at one moment in the memory of one host: lower bounds, without activations, so that
// nothing is refused that would have run. For require_memory(). `sample_shape` is {C, H, W}.
std::vector<MemoryNeed> train_needs(const Config& config, const std::vector<int64_t>& sample_shape,
                                    const RanksOnHost& ranks);
std::vector<MemoryNeed> distill_needs(const Config& config, const std::vector<int64_t>& sample_shape,
                                      const RanksOnHost& ranks);
// The needs of rank 0, which always samples. `kept_bytes` of images stay until the end.
std::vector<MemoryNeed> sample_needs(const SampleConfig& sample, const std::vector<int64_t>& sample_shape,
                                     const TextConfig& text, bool is_cpu, double kept_bytes);

}  // namespace fgm
