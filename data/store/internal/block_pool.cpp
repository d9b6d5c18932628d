#include "data/store/internal/block_pool.h"

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

namespace fgm {
struct BlockPool::Kept {
  struct FreeBlock {
    void operator()(std::byte* block) const { std::free(block); }
  };
  using Block = std::unique_ptr<std::byte, FreeBlock>;

  explicit Kept(size_t most_kept) : most(most_kept) { blocks.reserve(most + 1); }

  Block take(size_t bytes) {
    const std::lock_guard lock(mutex);
    const auto found = std::ranges::find(blocks, bytes, &Unused::bytes);
    if (found == blocks.end()) return nullptr;
    Block block = std::move(found->block);
    blocks.erase(found);
    return block;
  }
  void give_back(Block block, size_t bytes) {
    const std::lock_guard lock(mutex);
    blocks.push_back({bytes, std::move(block)});
    if (blocks.size() > most) blocks.erase(blocks.begin());
  }

  struct Unused {
    size_t bytes;
    Block block;
  };
  const size_t most;
  std::mutex mutex;            // guards what is below
  std::vector<Unused> blocks;  // the one that came back last is the last
};

BlockPool::BlockPool(size_t most_kept) : kept_(std::make_shared<Kept>(most_kept)) {}

std::shared_ptr<std::byte> BlockPool::take(size_t bytes) const {
  constexpr size_t kAlignment = 64;
  auto block = kept_->take(bytes);
  if (!block) {
    const size_t rounded = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    block.reset(static_cast<std::byte*>(std::aligned_alloc(kAlignment, rounded)));
    if (!block) throw std::bad_alloc();
  }
  return {block.release(), [kept = kept_, bytes](std::byte* ours) { kept->give_back(Kept::Block(ours), bytes); }};
}

}  // namespace fgm
