// NCCL against MPI on the same numbers, where every rank can have a GPU of its own.
#include "parallel/comm/nccl_communicator.h"

#include <c10/cuda/CUDAFunctions.h>
#include <gtest/gtest.h>

#include "parallel/comm/communicator_factory.h"
#include "parallel/comm/mpi_communicator.h"
#include "tests/parallel/comm/expected.h"

namespace fgm {
namespace {

using support::input_of;
using support::inputs_of_all;
using support::reduced;

class Nccl : public ::testing::Test {
 protected:
  void SetUp() override {
    control_ = make_mpi_world();
    if (c10::cuda::device_count() < control_->size()) {
      GTEST_SKIP() << control_->size() << " ranks need a GPU each, " << static_cast<int>(c10::cuda::device_count())
                   << " are here";
    }
    device_ = at::Device(at::kCUDA, static_cast<at::DeviceIndex>(control_->rank()));
    comm_ = make_communicator(*control_, device_);
    ASSERT_GT(comm_->size(), 1) << "one rank alone proves nothing";
  }
  void TearDown() override {
    if (comm_) comm_->close();
    control_->close();
  }

  at::Tensor mine(int64_t numel, at::ScalarType dtype) const {
    return input_of(comm_->rank(), numel, dtype).to(device_);
  }

  std::unique_ptr<Communicator> control_;
  std::unique_ptr<Communicator> comm_;
  at::Device device_ = at::kCPU;
};

TEST_F(Nccl, MovesTheSameBytesAsMpi) {
  for (const auto dtype : support::kDtypes) {
    const auto out = at::zeros({comm_->size(), 1001}, mine(0, dtype).options());
    comm_->all_gather_into(out, mine(1001, dtype)).wait();
    EXPECT_TRUE(at::equal(out.cpu(), at::stack(inputs_of_all(comm_->size(), 1001, dtype)))) << dtype;
    const auto copy = mine(1001, dtype);
    comm_->broadcast(copy, 1).wait();
    EXPECT_TRUE(at::equal(copy.cpu(), input_of(1, 1001, dtype))) << dtype;
  }
}

TEST_F(Nccl, ReducesEveryDtype) {
  for (const auto dtype : support::kDtypes) {
    for (const auto reduce : {Reduce::kSum, Reduce::kMax, Reduce::kMin}) {
      const auto expected = reduced(inputs_of_all(comm_->size(), 7 * comm_->size(), dtype), reduce);
      const auto in = mine(7 * comm_->size(), dtype);
      const auto out = at::zeros({7}, in.options());
      comm_->reduce_scatter_into(out, in, reduce).wait();
      comm_->all_reduce(in, reduce).wait();
      // NCCL picks the order of a sum; 8 terms of size 1 lose at most a few units in the last place.
      const double tolerance = dtype == at::kBFloat16 ? 3e-2 : dtype == at::kHalf ? 4e-3 : 1e-6;
      EXPECT_TRUE(at::allclose(in.cpu(), expected, tolerance, tolerance)) << dtype;
      const auto slice = expected.view({comm_->size(), 7})[comm_->rank()];
      EXPECT_TRUE(at::allclose(out.cpu(), slice, tolerance, tolerance)) << dtype;
    }
  }
}

TEST_F(Nccl, WaitsForTheCallersStreamAndTheCallerForIt) {
  // Large enough that a missing event shows: the fill is still running when the collective is launched.
  const auto tensor = at::zeros({1 << 26}, at::TensorOptions().device(device_));
  for (int repeat = 0; repeat < 10; ++repeat) tensor.fill_(comm_->rank() + 1.0);
  comm_->all_reduce(tensor, Reduce::kSum).wait();
  const double expected = comm_->size() * (comm_->size() + 1) / 2.0;
  EXPECT_TRUE(tensor.eq(expected).all().item<bool>());
}

TEST_F(Nccl, SplitsAndMeetsAtTheBarrier) {
  const auto alone = comm_->split(comm_->rank(), 0);
  EXPECT_EQ(alone->size(), 1);
  const auto one = at::ones({1}, at::TensorOptions().device(device_));
  alone->all_reduce(one, Reduce::kSum).wait();
  EXPECT_EQ(one.item<float>(), 1.0f);
  alone->close();
  comm_->barrier();
}

}  // namespace
}  // namespace fgm
