#include "parallel/comm/nccl_communicator.h"

#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAEvent.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <nccl.h>

#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "core/base/error.h"
#include "parallel/comm/internal/nccl_comm.h"
#include "parallel/comm/internal/wait.h"

namespace fgm {
namespace {

ncclDataType_t nccl_dtype(at::ScalarType dtype) {
  switch (dtype) {
    case at::kFloat:
      return ncclFloat32;
    case at::kDouble:
      return ncclFloat64;
    case at::kHalf:
      return ncclFloat16;
    case at::kBFloat16:
      return ncclBfloat16;
    case at::kLong:
      return ncclInt64;
    case at::kInt:
      return ncclInt32;
    case at::kByte:
      return ncclUint8;
    default:
      throw Error(fmt::format("NCCL has no type for {}", at::toString(dtype)));
  }
}

ncclRedOp_t nccl_op(Reduce reduce) {
  switch (reduce) {
    case Reduce::kMax:
      return ncclMax;
    case Reduce::kMin:
      return ncclMin;
    default:
      return ncclSum;
  }
}

class NcclPending final : public Work::Pending {
 public:
  explicit NcclPending(c10::cuda::CUDAStream stream) : device_index_(stream.device_index()) { done_.record(stream); }
  void wait() override { done_.block(c10::cuda::getCurrentCUDAStream(device_index_)); }

 private:
  c10::cuda::CUDAEvent done_;
  c10::DeviceIndex device_index_;
};

class NcclCommunicator final : public Communicator {
 public:
  NcclCommunicator(NcclComm comm, at::Device device)
      : Communicator(comm.rank(), comm.size(), device),
        comm_(std::move(comm)),
        stream_(c10::cuda::getStreamFromPool(/*isHighPriority=*/true, device.index())) {}

  // NCCL's own abort waits for peers and can deadlock; a process that leaves makes the launcher end the job.
  [[noreturn]] void abort(int exit_code) override { std::_Exit(exit_code); }

 private:
  Work do_all_gather_into(const at::Tensor& out, const at::Tensor& in) override {
    return launch("ncclAllGather", {out, in}, [&] {
      return ncclAllGather(in.data_ptr(), out.data_ptr(), in.numel(), nccl_dtype(in.scalar_type()), comm_.get(),
                           stream_);
    });
  }

  Work do_reduce_scatter_into(const at::Tensor& out, const at::Tensor& in, Reduce reduce) override {
    return launch("ncclReduceScatter", {out, in}, [&] {
      return ncclReduceScatter(in.data_ptr(), out.data_ptr(), out.numel(), nccl_dtype(in.scalar_type()),
                               nccl_op(reduce), comm_.get(), stream_);
    });
  }

  Work do_all_reduce(const at::Tensor& tensor, Reduce reduce) override {
    return launch("ncclAllReduce", {tensor}, [&] {
      return ncclAllReduce(tensor.data_ptr(), tensor.data_ptr(), tensor.numel(), nccl_dtype(tensor.scalar_type()),
                           nccl_op(reduce), comm_.get(), stream_);
    });
  }

  Work do_broadcast(const at::Tensor& tensor, int root) override {
    return launch("ncclBroadcast", {tensor}, [&] {
      return ncclBroadcast(tensor.data_ptr(), tensor.data_ptr(), tensor.numel(), nccl_dtype(tensor.scalar_type()), root,
                           comm_.get(), stream_);
    });
  }

  void do_barrier() override {
    const auto token = at::zeros({1}, at::TensorOptions().dtype(at::kInt).device(device()));
    do_all_reduce(token, Reduce::kSum).wait();
    wait_until_idle();
  }

  // NCCL allows no operation under way on the communicator that is split.
  std::unique_ptr<Communicator> do_split(int color, int key) override {
    wait_until_idle();
    const c10::cuda::CUDAGuard guard(device());
    ncclComm_t part = nullptr;
    check_nccl(ncclCommSplit(comm_.get(), color, key, &part, nullptr), "ncclCommSplit", comm_.get());
    return std::make_unique<NcclCommunicator>(NcclComm(part), device());
  }

  void do_close() override {
    wait_until_idle();
    const c10::cuda::CUDAGuard guard(device());
    comm_.close();
  }

  // Runs `enqueue` on the communication stream, after what the caller's stream holds.
  template <typename Enqueue>
  Work launch(const char* call, std::initializer_list<at::Tensor> tensors, const Enqueue& enqueue) {
    const c10::cuda::CUDAGuard guard(device());
    comm_.check_async();
    c10::cuda::CUDAEvent inputs_ready;
    inputs_ready.record(c10::cuda::getCurrentCUDAStream(device().index()));
    inputs_ready.block(stream_);
    check_nccl(enqueue(), call, comm_.get());
    for (const auto& tensor : tensors) {
      c10::cuda::CUDACachingAllocator::recordStream(tensor.storage().data_ptr(), stream_);
    }
    return Work(std::make_unique<NcclPending>(stream_));
  }

  // Polls instead of cudaStreamSynchronize, which would not return when a peer has failed.
  void wait_until_idle() {
    wait_until([&] {
      comm_.check_async();
      return stream_.query();
    });
    comm_.check_async();
  }

  NcclComm comm_;
  c10::cuda::CUDAStream stream_;
};

ncclUniqueId shared_id(Communicator& control) {
  ncclUniqueId id{};
  if (control.rank() == 0) check_nccl(ncclGetUniqueId(&id), "ncclGetUniqueId");
  const auto bytes = at::empty({sizeof(id)}, at::kByte);
  std::memcpy(bytes.data_ptr(), &id, sizeof(id));
  control.broadcast(bytes, 0).wait();
  std::memcpy(&id, bytes.data_ptr(), sizeof(id));
  return id;
}

}  // namespace

std::unique_ptr<Communicator> make_nccl_communicator(Communicator& control, at::Device device) {
  check(device.is_cuda() && device.has_index(), "NCCL needs one GPU for this rank, such as cuda:0, and got {}",
        device.str());
  const c10::cuda::CUDAGuard guard(device);
  const auto id = shared_id(control);
  ncclComm_t comm = nullptr;
  check_nccl(ncclCommInitRank(&comm, control.size(), id, control.rank()), "ncclCommInitRank");
  return std::make_unique<NcclCommunicator>(NcclComm(comm), device);
}

}  // namespace fgm
