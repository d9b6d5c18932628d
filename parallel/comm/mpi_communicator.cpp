#include "parallel/comm/mpi_communicator.h"

#include <mpi.h>

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "core/base/error.h"
#include "parallel/comm/internal/check_mpi.h"
#include "parallel/comm/internal/mpi_handles.h"
#include "parallel/comm/internal/reduce_rows.h"
#include "parallel/comm/internal/wait.h"

namespace fgm {
namespace {

// A reduction of up to so many bytes sends everything to every rank: one round trip instead of two.
constexpr int64_t kSmallAllReduceBytes = 4096;

// The ranks meet before they move so many bytes or more; a smaller message is itself the meeting.
constexpr int64_t kLargeBytes = 65536;

std::byte* bytes_of(const at::Tensor& tensor) {
  return static_cast<std::byte*>(tensor.data_ptr());
}

// Elements [begin, begin + count) of `tensor` as a tensor of its own, with no autograd history and no version counter.
at::Tensor raw_slice(const at::Tensor& tensor, int64_t begin, int64_t count) {
  return at::from_blob(bytes_of(tensor) + begin * tensor.itemsize(), {count},
                       at::TensorOptions().dtype(tensor.scalar_type()));
}

void complete(MPI_Request request, const char* call, int64_t num_bytes) {
  const auto is_done = [&] {
    int flag = 0;
    check_mpi(MPI_Test(&request, &flag, MPI_STATUS_IGNORE), call);
    return flag != 0;
  };
  wait_until(is_done, num_bytes < kLargeBytes ? kSpin : spin_for_transfer(num_bytes));
}

class MpiCommunicator final : public Communicator {
 public:
  MpiCommunicator(MpiComm comm, const MpiOptions& options)
      : Communicator(comm.rank(), comm.size(), at::kCPU), comm_(std::move(comm)), options_(options) {}

  [[noreturn]] void abort(int exit_code) override {
    MPI_Abort(comm_.get(), exit_code);
    std::_Exit(exit_code);
  }

 private:
  Work do_all_gather_into(const at::Tensor& out, const at::Tensor& in) override;
  Work do_reduce_scatter_into(const at::Tensor& out, const at::Tensor& in, Reduce reduce) override;
  Work do_all_reduce(const at::Tensor& tensor, Reduce reduce) override;
  Work do_broadcast(const at::Tensor& tensor, int root) override;
  void do_barrier() override;
  std::unique_ptr<Communicator> do_split(int color, int key) override;
  void do_close() override;

  void meet_before(int64_t num_bytes);
  void all_reduce_by_gather(const at::Tensor& tensor, Reduce reduce);
  at::Tensor scratch_rows(int64_t row_numel, at::ScalarType dtype);

  MpiComm comm_;
  MpiOptions options_;
  at::Tensor scratch_ = at::empty({0}, at::kByte);
};

Work MpiCommunicator::do_all_gather_into(const at::Tensor& out, const at::Tensor& in) {
  const auto row_bytes = static_cast<int64_t>(in.nbytes());
  const bool is_in_place = bytes_of(in) == bytes_of(out) + rank() * row_bytes;
  meet_before(row_bytes);
  for (int64_t begin = 0; begin < row_bytes; begin += options_.message_bytes) {
    const int count = static_cast<int>(std::min(options_.message_bytes, row_bytes - begin));
    const MpiPieceType piece(count, row_bytes);
    const void* mine = is_in_place ? MPI_IN_PLACE : bytes_of(in) + begin;
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(MPI_Iallgather(mine, count, MPI_BYTE, bytes_of(out) + begin, 1, piece.get(), comm_.get(), &request),
              "MPI_Iallgather");
    complete(request, "MPI_Iallgather", int64_t{count} * size());
  }
  return Work();
}

Work MpiCommunicator::do_reduce_scatter_into(const at::Tensor& out, const at::Tensor& in, Reduce reduce) {
  const int64_t itemsize = in.itemsize();
  const int64_t row_bytes = static_cast<int64_t>(out.nbytes());
  const int64_t most = std::max<int64_t>(1, options_.scratch_bytes / (size() * itemsize));
  meet_before(row_bytes);
  for (int64_t begin = 0; begin < out.numel(); begin += most) {
    const int64_t numel = std::min(most, out.numel() - begin);
    const int count = static_cast<int>(numel * itemsize);
    const MpiPieceType piece(count, row_bytes);
    const auto rows = scratch_rows(numel, in.scalar_type());
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(MPI_Ialltoall(bytes_of(in) + begin * itemsize, 1, piece.get(), bytes_of(rows), count, MPI_BYTE,
                            comm_.get(), &request),
              "MPI_Ialltoall");
    complete(request, "MPI_Ialltoall", int64_t{count} * size());
    reduce_rows(raw_slice(out, begin, numel), rows, reduce);
  }
  return Work();
}

// Large tensors: reduce-scatter in place, then all-gather; the elements that do not divide by the ranks go
// the short way.
Work MpiCommunicator::do_all_reduce(const at::Tensor& tensor, Reduce reduce) {
  const bool is_small = static_cast<int64_t>(tensor.nbytes()) <= kSmallAllReduceBytes;
  const int64_t slice_numel = is_small ? 0 : tensor.numel() / size();
  const int64_t body_numel = slice_numel * size();
  if (body_numel > 0) {
    const auto body = raw_slice(tensor, 0, body_numel);
    const auto mine = raw_slice(tensor, rank() * slice_numel, slice_numel);
    do_reduce_scatter_into(mine, body, reduce).wait();
    do_all_gather_into(body, mine).wait();
  }
  if (body_numel < tensor.numel()) {
    all_reduce_by_gather(raw_slice(tensor, body_numel, tensor.numel() - body_numel), reduce);
  }
  return Work();
}

void MpiCommunicator::all_reduce_by_gather(const at::Tensor& tensor, Reduce reduce) {
  const auto rows = scratch_rows(tensor.numel(), tensor.scalar_type());
  do_all_gather_into(rows, tensor).wait();
  reduce_rows(tensor, rows, reduce);
}

Work MpiCommunicator::do_broadcast(const at::Tensor& tensor, int root) {
  const auto num_bytes = static_cast<int64_t>(tensor.nbytes());
  meet_before(num_bytes);
  for (int64_t begin = 0; begin < num_bytes; begin += options_.message_bytes) {
    const int count = static_cast<int>(std::min(options_.message_bytes, num_bytes - begin));
    MPI_Request request = MPI_REQUEST_NULL;
    check_mpi(MPI_Ibcast(bytes_of(tensor) + begin, count, MPI_BYTE, root, comm_.get(), &request), "MPI_Ibcast");
    complete(request, "MPI_Ibcast", count);
  }
  return Work();
}

void MpiCommunicator::do_barrier() {
  MPI_Request request = MPI_REQUEST_NULL;
  check_mpi(MPI_Ibarrier(comm_.get(), &request), "MPI_Ibarrier");
  complete(request, "MPI_Ibarrier", 0);
}

// MPI's blocking calls spin for a rank that is not there yet, and a large message is moved only while both sides ask
// for it.
void MpiCommunicator::meet_before(int64_t num_bytes) {
  if (num_bytes >= kLargeBytes) do_barrier();
}

void MpiCommunicator::do_close() {
  do_barrier();
  comm_.close();
}

std::unique_ptr<Communicator> MpiCommunicator::do_split(int color, int key) {
  do_barrier();
  MPI_Comm part = MPI_COMM_NULL;
  check_mpi(MPI_Comm_split(comm_.get(), color, key, &part), "MPI_Comm_split");
  return std::make_unique<MpiCommunicator>(MpiComm(part), options_);
}

// [size, row_numel], uninitialised, kept between calls: fresh pages would cost more than the sum.
at::Tensor MpiCommunicator::scratch_rows(int64_t row_numel, at::ScalarType dtype) {
  const int64_t num_bytes = size() * row_numel * static_cast<int64_t>(c10::elementSize(dtype));
  if (scratch_.numel() < num_bytes) scratch_ = at::empty({num_bytes}, at::kByte);
  return at::from_blob(scratch_.data_ptr(), {size(), row_numel}, at::TensorOptions().dtype(dtype));
}

}  // namespace

std::unique_ptr<Communicator> make_mpi_world(const MpiOptions& options) {
  check(options.message_bytes > 0 && options.message_bytes <= std::numeric_limits<int>::max(),
        "MpiOptions::message_bytes = {} is not within 1 .. 2^31 - 1", options.message_bytes);
  check(options.scratch_bytes > 0 && options.scratch_bytes <= std::numeric_limits<int>::max(),
        "MpiOptions::scratch_bytes = {} is not within 1 .. 2^31 - 1", options.scratch_bytes);
  check_mpi(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  MPI_Comm world = MPI_COMM_NULL;
  check_mpi(MPI_Comm_dup(MPI_COMM_WORLD, &world), "MPI_Comm_dup");
  return std::make_unique<MpiCommunicator>(MpiComm(world), options);
}

}  // namespace fgm
