#pragma once

#include <cstddef>
#include <memory>

namespace fgm {

// Large blocks of memory that are used again. malloc gives such blocks back to the system, and each page of a new one
// costs a fault and is cleared, which together takes longer than to read and convert an embedding. Any number of threads
// may use a pool at once.
class BlockPool {
 public:
  explicit BlockPool(size_t most_kept);

  // `bytes` bytes of any content, aligned to 64. The block comes back when its last owner is gone, which may be after
  // the pool; the `most_kept` unused ones that came back last are kept.
  std::shared_ptr<std::byte> take(size_t bytes) const;

 private:
  struct Kept;
  std::shared_ptr<Kept> kept_;
};

}  // namespace fgm
