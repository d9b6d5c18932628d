#pragma once

#include <ATen/ATen.h>

#include <memory>

#include "parallel/comm/work.h"

namespace fgm {

enum class Reduce { kSum, kMax, kMin };

// Moves tensors between the ranks of one group.
//
// Order: all ranks of the group make the same calls, with the same sizes and dtypes, in the same order, one thread at a
//   time. Other communicators may be busy in other threads. A rank that throws ends the job; nobody goes on.
// Tensors: contiguous, on device(), of dtype float32, float64, float16, bfloat16, int64, int32 or uint8; empty ones are
//   allowed. Bytes are written past autograd: no graph is recorded and no version counter moves.
// Sums: an implementation documents its order of summation and the precision it sums 16-bit floats in.
// Streams: CUDA operations run on a communication stream, after what the caller's current stream holds at the call; see
//   Work for when the result is there.
// Errors: Error, before anything is sent, when an argument breaks these rules; Error when the transport fails.
// End: close() is a collective and belongs on the success path. A communicator destroyed open leaks its handle and
//   logs.
class Communicator {
 public:
  virtual ~Communicator() = default;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  int rank() const noexcept { return rank_; }
  int size() const noexcept { return size_; }
  at::Device device() const noexcept { return device_; }  // cpu, or the one GPU of this rank

  // out = the ranks' `in` one after the other; out.numel() == size() * in.numel(), shapes are free.
  // `in` may be exactly slice rank() of `out` (in place); any other overlap is an error.
  Work all_gather_into(const at::Tensor& out, const at::Tensor& in);

  // out = slice rank() of the element-wise reduction of the ranks' `in`; in.numel() == size() * out.numel().
  // `out` may be exactly slice rank() of `in` (in place; the rest of `in` is then unchanged); any other overlap is an
  // error.
  Work reduce_scatter_into(const at::Tensor& out, const at::Tensor& in, Reduce reduce);

  // In place; every rank ends with the same bits.
  Work all_reduce(const at::Tensor& tensor, Reduce reduce);

  // Every rank ends with the bytes of rank `root`.
  Work broadcast(const at::Tensor& tensor, int root);

  // Returns on the host when every rank has entered it and this rank's earlier operations are done.
  void barrier();

  // Collective over this communicator. Ranks that pass the same `color` >= 0 form a new communicator, ordered by
  // (`key`, rank()). The new one is independent of this one and must be closed on its own.
  std::unique_ptr<Communicator> split(int color, int key);

  // Ends the whole job now, without waiting for any rank; the process exits with `exit_code`, which must not be 0.
  [[noreturn]] virtual void abort(int exit_code) = 0;

  // Waits for this rank's operations and frees the communicator, with all ranks. A second call does nothing.
  void close();

 protected:
  Communicator(int rank, int size, at::Device device) : rank_(rank), size_(size), device_(device) {}

 private:
  // The operations proper: arguments are checked and not empty.
  virtual Work do_all_gather_into(const at::Tensor& out, const at::Tensor& in) = 0;
  virtual Work do_reduce_scatter_into(const at::Tensor& out, const at::Tensor& in, Reduce reduce) = 0;
  virtual Work do_all_reduce(const at::Tensor& tensor, Reduce reduce) = 0;
  virtual Work do_broadcast(const at::Tensor& tensor, int root) = 0;
  virtual void do_barrier() = 0;
  virtual std::unique_ptr<Communicator> do_split(int color, int key) = 0;
  virtual void do_close() = 0;

  void check_open(const char* call) const;
  void check_tensor(const char* call, const char* name, const at::Tensor& tensor) const;
  void check_slices(const char* call, const at::Tensor& whole, const char* whole_name, const at::Tensor& slice,
                    const char* slice_name) const;

  int rank_;
  int size_;
  at::Device device_;
  bool is_open_ = true;
};

}  // namespace fgm
