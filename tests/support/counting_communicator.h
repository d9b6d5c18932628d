#pragma once

#include <cstdlib>
#include <memory>
#include <utility>

#include "parallel/comm/communicator.h"

namespace fgm::support {

struct CollectiveCounts {
  int gathers = 0;     // all_gather_into
  int scatters = 0;    // reduce_scatter_into
  int reductions = 0;  // all_reduce
  bool operator==(const CollectiveCounts&) const = default;
};

// Hands every call on to another communicator and counts the tensor reductions and gathers of itself and of its parts.
class CountingCommunicator : public Communicator {
 public:
  explicit CountingCommunicator(std::unique_ptr<Communicator> inner,
                                std::shared_ptr<CollectiveCounts> counts = std::make_shared<CollectiveCounts>())
      : Communicator(inner->rank(), inner->size(), inner->device()),
        inner_(std::move(inner)),
        counts_(std::move(counts)) {}

  // Since the last call.
  CollectiveCounts take_counts() { return std::exchange(*counts_, {}); }

  [[noreturn]] void abort(int exit_code) override {
    inner_->abort(exit_code);
    std::_Exit(exit_code);  // a compiler that sees through the call does not know that it never returns
  }

 private:
  Work do_all_gather_into(const at::Tensor& out, const at::Tensor& in) override {
    ++counts_->gathers;
    return inner_->all_gather_into(out, in);
  }
  Work do_reduce_scatter_into(const at::Tensor& out, const at::Tensor& in, Reduce reduce) override {
    ++counts_->scatters;
    return inner_->reduce_scatter_into(out, in, reduce);
  }
  Work do_all_reduce(const at::Tensor& tensor, Reduce reduce) override {
    ++counts_->reductions;
    return inner_->all_reduce(tensor, reduce);
  }
  Work do_broadcast(const at::Tensor& tensor, int root) override { return inner_->broadcast(tensor, root); }
  void do_barrier() override { inner_->barrier(); }
  std::unique_ptr<Communicator> do_split(int color, int key) override {
    return std::make_unique<CountingCommunicator>(inner_->split(color, key), counts_);
  }
  void do_close() override { inner_->close(); }

  std::unique_ptr<Communicator> inner_;
  std::shared_ptr<CollectiveCounts> counts_;
};

}  // namespace fgm::support
