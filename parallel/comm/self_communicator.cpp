#include "parallel/comm/self_communicator.h"

#include <cstdlib>

namespace fgm {
namespace {

// variable_data() has no history and a version counter of its own.
void copy_past_autograd(const at::Tensor& out, const at::Tensor& in) {
  if (out.data_ptr() == in.data_ptr()) return;
  out.variable_data().view({-1}).copy_(in.variable_data().view({-1}));
}

class SelfCommunicator final : public Communicator {
 public:
  explicit SelfCommunicator(at::Device device) : Communicator(/*rank=*/0, /*size=*/1, device) {}

  [[noreturn]] void abort(int exit_code) override { std::_Exit(exit_code); }

 private:
  Work do_all_gather_into(const at::Tensor& out, const at::Tensor& in) override {
    copy_past_autograd(out, in);
    return Work();
  }
  Work do_reduce_scatter_into(const at::Tensor& out, const at::Tensor& in, Reduce) override {
    copy_past_autograd(out, in);
    return Work();
  }
  Work do_all_reduce(const at::Tensor&, Reduce) override { return Work(); }
  Work do_broadcast(const at::Tensor&, int) override { return Work(); }
  void do_barrier() override {}
  std::unique_ptr<Communicator> do_split(int, int) override { return make_self_communicator(device()); }
  void do_close() override {}
};

}  // namespace

std::unique_ptr<Communicator> make_self_communicator(at::Device device) {
  return std::make_unique<SelfCommunicator>(device);
}

}  // namespace fgm
