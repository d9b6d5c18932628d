// Wrong arguments, autograd, splitting, closing: what the contract of Communicator says besides the numbers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>

#include "core/base/error.h"
#include "parallel/comm/communicator.h"
#include "parallel/comm/communicator_factory.h"
#include "parallel/comm/mpi_communicator.h"
#include "parallel/comm/mpi_session.h"

namespace fgm {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class Contract : public ::testing::Test {
 protected:
  void SetUp() override {
    world_ = make_mpi_world();
    ASSERT_GT(world_->size(), 1) << "one rank alone proves nothing";
  }
  void TearDown() override { world_->close(); }

  int64_t size() const { return world_->size(); }

  // The ranks are still in step after a refused call: the next collective gives the right answer.
  void expect_in_step() {
    const auto one = at::ones({1});
    world_->all_reduce(one, Reduce::kSum).wait();
    EXPECT_EQ(one.item<float>(), size());
  }

  template <typename Call>
  void expect_refused(const Call& call, const std::string& who, const std::string& why) {
    try {
      call();
      ADD_FAILURE() << who << " was accepted; expected: " << why;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), AllOf(HasSubstr(who), HasSubstr(why)));
    }
    expect_in_step();
  }

  std::unique_ptr<Communicator> world_;
};

TEST_F(Contract, WrongSizesAreRefusedOnEveryRankWithTheNumbers) {
  const auto in = at::zeros({3});
  expect_refused([&] { (void)world_->all_gather_into(at::zeros({size() * 3 + 1}), in); }, "all_gather_into",
                 fmt::format("`out` has {} elements, expected {} ranks x the 3", size() * 3 + 1, size()));
  expect_refused([&] { (void)world_->reduce_scatter_into(in, at::zeros({3}), Reduce::kSum); }, "reduce_scatter_into",
                 "`in` has 3 elements");
}

TEST_F(Contract, TensorsThatAreNotContiguousAreRefused) {
  const auto strided = at::zeros({4, size()}).t();
  expect_refused([&] { (void)world_->all_reduce(strided, Reduce::kSum); }, "all_reduce", "`tensor` is not contiguous");
  expect_refused([&] { (void)world_->broadcast(strided, 0); }, "broadcast", "`tensor` is not contiguous");
  expect_refused([&] { (void)world_->all_gather_into(strided, at::zeros({4})); }, "all_gather_into", "`out`");
  expect_refused([&] { (void)world_->reduce_scatter_into(at::zeros({4}), strided, Reduce::kSum); },
                 "reduce_scatter_into", "`in`");
}

TEST_F(Contract, OtherDtypesAndDevicesAreRefused) {
  expect_refused([&] { (void)world_->all_reduce(at::zeros({2}, at::kBool), Reduce::kSum); }, "all_reduce",
                 "dtype Bool");
  expect_refused([&] { (void)world_->all_gather_into(at::zeros({2 * size()}, at::kDouble), at::zeros({2})); },
                 "all_gather_into", "`out` has dtype Double and `in` has Float");
  expect_refused([&] { (void)world_->broadcast(at::empty({2}, at::Device(at::kMeta)), 0); }, "broadcast",
                 "`tensor` is on meta, but this communicator moves tensors on cpu");
  expect_refused([&] { (void)world_->broadcast(at::Tensor(), 0); }, "broadcast", "undefined");
}

TEST_F(Contract, OverlapIsRefusedUnlessItIsExactlyTheOwnSlice) {
  const auto whole = at::zeros({2 * size() + 1});
  const auto out = whole.narrow(0, 0, 2 * size());
  const auto shifted = whole.narrow(0, 2 * world_->rank() + 1, 2);
  expect_refused([&] { (void)world_->all_gather_into(out, shifted); }, "all_gather_into", "overlaps");
  expect_refused([&] { (void)world_->reduce_scatter_into(shifted, out, Reduce::kSum); }, "reduce_scatter_into",
                 "overlaps");
}

TEST_F(Contract, RanksAndColorsOutOfRangeAreRefused) {
  const auto root = static_cast<int>(size());
  expect_refused([&] { (void)world_->broadcast(at::zeros({2}), root); }, "broadcast", "root");
  expect_refused([&] { (void)world_->broadcast(at::zeros({2}), -1); }, "broadcast", "root -1");
  expect_refused([&] { (void)world_->split(-1, 0); }, "split", "color -1");
}

TEST_F(Contract, WritesPastAutograd) {
  const auto parameter = at::zeros({size()}).set_requires_grad(true);
  const auto version = parameter._version();
  world_->all_gather_into(parameter, at::full({1}, static_cast<float>(world_->rank()))).wait();
  EXPECT_TRUE(at::equal(parameter.detach(), at::arange(size(), at::kFloat)));
  world_->all_reduce(parameter, Reduce::kSum).wait();
  EXPECT_TRUE(at::equal(parameter.detach(), at::arange(size(), at::kFloat) * size()));
  EXPECT_EQ(parameter._version(), version);
}

TEST_F(Contract, BarrierHoldsEveryRankUntilTheLastHasCome) {
  const auto pid = at::full({1}, static_cast<int64_t>(getpid()), at::kLong);
  world_->broadcast(pid, 0).wait();
  const auto name = [&](int rank) {
    return std::filesystem::temp_directory_path() / fmt::format("fgm-barrier-{}-{}", pid.item<int64_t>(), rank);
  };
  std::ofstream(name(world_->rank())) << "here";
  world_->barrier();
  for (int rank = 0; rank < size(); ++rank) EXPECT_TRUE(std::filesystem::exists(name(rank))) << rank;
  world_->barrier();
  std::filesystem::remove(name(world_->rank()));
}

std::chrono::nanoseconds cpu_time() {
  timespec spent{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
  return std::chrono::seconds(spent.tv_sec) + std::chrono::nanoseconds(spent.tv_nsec);
}

// What rank 0 computes before its call; the others are there already.
constexpr auto kWork = std::chrono::milliseconds(40);

TEST_F(Contract, ARankThatWaitsForALateOneLeavesItsCoreToOthers) {
  const auto large = at::ones({size() * 100'000}), small = at::ones({1}), slice = at::ones({100'000});
  const std::map<std::string, std::function<void()>> calls = {
      {"a large gather", [&] { world_->all_gather_into(large, slice).wait(); }},
      {"a large reduction", [&] { world_->reduce_scatter_into(slice, large, Reduce::kMax).wait(); }},
      {"a small reduction", [&] { world_->all_reduce(small, Reduce::kMax).wait(); }},
      {"a broadcast", [&] { world_->broadcast(small, 0).wait(); }},
      {"a barrier", [&] { world_->barrier(); }},
      {"a split", [&] { world_->split(0, 0)->close(); }}};
  for (const auto& [name, call] : calls) {
    world_->barrier();
    const auto began = cpu_time();
    while (world_->rank() == 0 && cpu_time() < began + kWork) {
    }
    call();
    const auto most = world_->rank() == 0 ? std::chrono::nanoseconds::max() : kWork / 2;
    EXPECT_LT(cpu_time() - began, most) << name;
  }
}

TEST_F(Contract, SplitGroupsByColorAndOrdersByKey) {
  const int parity = world_->rank() % 2;
  const auto half = world_->split(parity, -world_->rank());
  EXPECT_EQ(half->size(), (size() + 1 - parity) / 2);
  EXPECT_EQ(half->rank(), half->size() - 1 - world_->rank() / 2);
  const auto sum = at::full({1}, static_cast<int64_t>(world_->rank()), at::kLong);
  half->all_reduce(sum, Reduce::kSum).wait();
  int64_t expected = 0;
  for (int64_t rank = parity; rank < size(); rank += 2) expected += rank;
  EXPECT_EQ(sum.item<int64_t>(), expected);
  half->close();
}

TEST_F(Contract, APartCanBeSplitAgainAndOutlivesItsParent) {
  auto half = world_->split(world_->rank() % 2, 0);
  const auto alone = half->split(half->rank(), 0);
  half->close();
  half.reset();
  ASSERT_EQ(alone->size(), 1);
  const auto out = at::zeros({3});
  const auto in = at::full({3}, static_cast<float>(world_->rank()));
  alone->all_gather_into(out, in).wait();
  EXPECT_TRUE(at::equal(out, in));
  alone->reduce_scatter_into(out, in + 1, Reduce::kSum).wait();
  EXPECT_TRUE(at::equal(out, in + 1));
  alone->close();
}

TEST_F(Contract, AClosedCommunicatorRefusesEveryCallAndClosesTwice) {
  const auto part = world_->split(0, 0);
  part->close();
  part->close();
  expect_refused([&] { (void)part->all_reduce(at::zeros({1}), Reduce::kSum); }, "all_reduce", "closed");
  expect_refused([&] { (void)part->split(0, 0); }, "split", "closed");
  expect_refused([&] { part->barrier(); }, "barrier", "closed");
}

TEST_F(Contract, TheFactoryMakesAnIndependentCpuCommunicator) {
  const auto data = make_communicator(*world_, at::kCPU);
  EXPECT_EQ(data->rank(), world_->rank());
  EXPECT_EQ(data->size(), world_->size());
  EXPECT_TRUE(data->device().is_cpu());
  data->close();
  EXPECT_THROW(make_communicator(*world_, at::kMeta), ConfigError);
}

TEST_F(Contract, LimitsOutsideMpisIntAreRefused) {
  EXPECT_THROW(make_mpi_world({.message_bytes = int64_t{1} << 31}), Error);
  EXPECT_THROW(make_mpi_world({.scratch_bytes = 0}), Error);
}

}  // namespace
}  // namespace fgm
