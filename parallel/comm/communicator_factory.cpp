#include "parallel/comm/communicator_factory.h"

#include "core/base/error.h"
#ifdef FGM_WITH_CUDA
#include "parallel/comm/nccl_communicator.h"
#endif

namespace fgm {
namespace {

std::unique_ptr<Communicator> make_cuda_communicator([[maybe_unused]] Communicator& control,
                                                     [[maybe_unused]] at::Device device) {
#ifdef FGM_WITH_CUDA
  return make_nccl_communicator(control, device);
#else
  throw ConfigError("device cuda: this build of fgm has no CUDA; configure with -DFGM_CUDA=ON, or use --device cpu");
#endif
}

}  // namespace

std::unique_ptr<Communicator> make_communicator(Communicator& control, at::Device device) {
  check(control.device().is_cpu(), "make_communicator: `control` is on {}, expected cpu", control.device().str());
  require<ConfigError>(device.is_cpu() || device.is_cuda(), "device {} is neither cpu nor cuda", device.str());
  return device.is_cuda() ? make_cuda_communicator(control, device) : control.split(0, control.rank());
}

}  // namespace fgm
