#include "parallel/comm/communicator.h"

#include "core/base/error.h"

namespace fgm {
namespace {

bool is_supported(at::ScalarType dtype) {
  switch (dtype) {
    case at::kFloat:
    case at::kDouble:
    case at::kHalf:
    case at::kBFloat16:
    case at::kLong:
    case at::kInt:
    case at::kByte:
      return true;
    default:
      return false;
  }
}

bool overlaps(const at::Tensor& a, const at::Tensor& b) {
  const auto a_begin = reinterpret_cast<uintptr_t>(a.data_ptr());
  const auto b_begin = reinterpret_cast<uintptr_t>(b.data_ptr());
  return a_begin < b_begin + b.nbytes() && b_begin < a_begin + a.nbytes();
}

}  // namespace

void Communicator::check_open(const char* call) const {
  check(is_open_, "{}: this communicator of {} ranks is closed", call, size_);
}

void Communicator::check_tensor(const char* call, const char* name, const at::Tensor& tensor) const {
  check_open(call);
  check(tensor.defined(), "{}: `{}` is an undefined tensor", call, name);
  const auto device = tensor.device();
  check(device.type() == device_.type() && (!device_.has_index() || device == device_),
        "{}: `{}` is on {}, but this communicator moves tensors on {}; move it, or use the communicator of "
        "its device",
        call, name, device.str(), device_.str());
  check(is_supported(tensor.scalar_type()),
        "{}: `{}` has dtype {}, expected Float, Double, Half, BFloat16, Long, Int or Byte", call, name,
        at::toString(tensor.scalar_type()));
  check(tensor.is_contiguous(), "{}: `{}` is not contiguous; pass .contiguous() or lay it out flat", call, name);
}

void Communicator::check_slices(const char* call, const at::Tensor& whole, const char* whole_name,
                                const at::Tensor& slice, const char* slice_name) const {
  check_tensor(call, whole_name, whole);
  check_tensor(call, slice_name, slice);
  check(whole.scalar_type() == slice.scalar_type(), "{}: `{}` has dtype {} and `{}` has {}, expected the same", call,
        whole_name, at::toString(whole.scalar_type()), slice_name, at::toString(slice.scalar_type()));
  check(whole.numel() == size_ * slice.numel(),
        "{}: `{}` has {} elements, expected {} ranks x the {} elements of `{}` = {}; pad to a multiple of "
        "the ranks",
        call, whole_name, whole.numel(), size_, slice.numel(), slice_name, size_ * slice.numel());
  const auto* place = static_cast<const std::byte*>(whole.data_ptr()) + rank_ * slice.nbytes();
  check(!overlaps(whole, slice) || slice.data_ptr() == place,
        "{}: `{}` overlaps `{}` without being exactly its slice {}", call, slice_name, whole_name, rank_);
}

Work Communicator::all_gather_into(const at::Tensor& out, const at::Tensor& in) {
  check_slices("all_gather_into", out, "out", in, "in");
  return in.numel() == 0 ? Work() : do_all_gather_into(out, in);
}

Work Communicator::reduce_scatter_into(const at::Tensor& out, const at::Tensor& in, Reduce reduce) {
  check_slices("reduce_scatter_into", in, "in", out, "out");
  return out.numel() == 0 ? Work() : do_reduce_scatter_into(out, in, reduce);
}

Work Communicator::all_reduce(const at::Tensor& tensor, Reduce reduce) {
  check_tensor("all_reduce", "tensor", tensor);
  return tensor.numel() == 0 ? Work() : do_all_reduce(tensor, reduce);
}

Work Communicator::broadcast(const at::Tensor& tensor, int root) {
  check_tensor("broadcast", "tensor", tensor);
  check(root >= 0 && root < size_, "broadcast: root {} is not one of the {} ranks", root, size_);
  return tensor.numel() == 0 ? Work() : do_broadcast(tensor, root);
}

void Communicator::barrier() {
  check_open("barrier");
  do_barrier();
}

std::unique_ptr<Communicator> Communicator::split(int color, int key) {
  check_open("split");
  check(color >= 0, "split: color {} is negative; every rank belongs to one of the new communicators", color);
  return do_split(color, key);
}

void Communicator::close() {
  if (!is_open_) return;
  do_close();
  is_open_ = false;
}

}  // namespace fgm
