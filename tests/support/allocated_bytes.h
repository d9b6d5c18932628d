#pragma once

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <cstdint>
#include <memory>

namespace fgm::support {

// Counts the bytes of the CPU tensors that this thread has allocated since the object was made and that still live.
class AllocatedBytes {
 public:
  int64_t count() const { return counter_->bytes; }

 private:
  struct Counter : c10::MemoryReportingInfoBase {
    void reportMemoryUsage(void*, int64_t alloc_size, size_t, size_t, c10::Device) override { bytes += alloc_size; }
    bool memoryProfilingEnabled() const override { return true; }
    int64_t bytes = 0;
  };

  const std::shared_ptr<Counter> counter_ = std::make_shared<Counter>();
  const c10::DebugInfoGuard guard_{c10::DebugInfoKind::PROFILER_STATE, counter_};
};

}  // namespace fgm::support
