// The memory that it costs a rank to open a full-size SD3-medium.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "launch/weights/frozen_network.h"
#include "launch/weights/weights.h"
#include "parallel/comm/control_collectives.h"
#include "parallel/comm/mpi_communicator.h"
#include "tests/support/released_models.h"
#include "tests/support/sparse_weights.h"
#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

// Bytes of this process's memory that no file stands behind.
int64_t anonymous_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssAnon:")) return std::stoll(line.substr(8)) * 1024;
  }
  return -1;
}

// Looks at the memory after each read, when what the read needed is still there or just freed.
class WatchedSource : public TensorSource {
 public:
  explicit WatchedSource(const TensorSource& source) : source_(source) {}

  const std::vector<TensorInfo>& tensors() const override { return source_.tensors(); }
  const std::map<std::string, std::string>& metadata() const override { return source_.metadata(); }
  std::string place() const override { return source_.place(); }
  void read(const std::string& name, int64_t begin, const at::Tensor& out) const override {
    source_.read(name, begin, out);
    if (name != "pos_embed") num_read += out.numel();
    peak = std::max(peak, anonymous_bytes());
  }

  mutable int64_t num_read = 0;
  mutable int64_t peak = 0;

 private:
  const TensorSource& source_;
};

TEST(FrozenMemory, OfARankIsItsShardAndThePositionTable) {
  const auto ranks = make_mpi_world();
  std::optional<TemporaryFolder> folder;
  if (ranks->rank() == 0) write_sparse_weights(folder.emplace() / "sd3_medium.safetensors", sd3_medium());
  const std::string path = broadcast_string(*ranks, folder ? (*folder / "sd3_medium.safetensors").string() : "");
  {
    const OpenWeights weights = open_weights(find_weights(path, {}));
    const WatchedSource source(*weights.source);
    const int64_t before = anonymous_bytes();
    ASSERT_GT(before, 0);
    FrozenNetwork network(weights.info.config.model, at::kBFloat16, source, *ranks);

    const auto shard = static_cast<int64_t>(network.sharded().values().nbytes());
    const auto total = at::full({1}, source.num_read, at::kLong);
    ranks->all_reduce(total, Reduce::kSum).wait();
    EXPECT_EQ(total.item<int64_t>(), 2'028'328'000) << "every value is read by one rank";
    ASSERT_GE(shard * ranks->size(), 2 * 2'028'328'000ll) << "bfloat16";
    EXPECT_GE(source.peak - before, shard * 9 / 10) << "the measurement sees the shard";
    constexpr int64_t kBookkeeping = int64_t{16} << 20;  // names, shapes, tensors without data
    const auto table = int64_t{2} * 192 * 192 * 1536;    // bfloat16
    EXPECT_LE(source.peak, before + shard + table + kBookkeeping);
    std::printf("rank %d of %d: anonymous %.1f MB before, %.1f MB at the peak; shard %.1f MB, position table %.1f MB\n",
                ranks->rank(), ranks->size(), before / 1e6, source.peak / 1e6, shard / 1e6, table / 1e6);
  }
  ranks->barrier();
  ranks->close();
}

}  // namespace
}  // namespace fgm
