#include "parallel/fsdp/flat_unit.h"

#include "core/base/error.h"

namespace fgm {
namespace {

TensorList tensors_of(Block& block) {
  TensorList tensors;
  block.visit([&](const std::string&, at::Tensor& tensor) { tensors.push_back(tensor); });
  return tensors;
}

at::ScalarType common_dtype(const Block& block, const TensorList& tensors) {
  check(!tensors.empty(), "block {} has no parameters", block.name());
  const auto dtype = tensors[0].scalar_type();
  check(dtype == at::kFloat || dtype == at::kDouble || dtype == at::kBFloat16 || dtype == at::kHalf,
        "block {} has parameters of {}, expected Float, Double, BFloat16 or Half", block.name(), at::toString(dtype));
  for (const auto& tensor : tensors) {
    check(tensor.scalar_type() == dtype, "block {} mixes parameters of {} and {}", block.name(), at::toString(dtype),
          at::toString(tensor.scalar_type()));
  }
  return dtype;
}

std::vector<int64_t> numels_of(const TensorList& tensors) {
  std::vector<int64_t> numels;
  for (const auto& tensor : tensors) numels.push_back(tensor.numel());
  return numels;
}

UnitLayout layout_of_tensors(const Block& block, const TensorList& tensors, int num_shards) {
  const auto element_bytes = static_cast<int64_t>(c10::elementSize(common_dtype(block, tensors)));
  return {numels_of(tensors), element_bytes, num_shards};
}

c10::Storage storage_nowhere(int64_t bytes, at::Device device) {
  return c10::make_intrusive<c10::StorageImpl>(c10::StorageImpl::use_byte_size_t(), bytes, at::DataPtr(nullptr, device),
                                               /*allocator=*/nullptr,
                                               /*resizable=*/false);
}

// The address of `flat` with a reference to it.
at::DataPtr address_of(const at::Tensor& flat) {
  return {flat.data_ptr(), new at::Tensor(flat), [](void* owner) { delete static_cast<at::Tensor*>(owner); },
          flat.device()};
}

}  // namespace

UnitLayout FlatUnit::layout_of(Block& block, int num_shards) {
  return layout_of_tensors(block, tensors_of(block), num_shards);
}

FlatUnit::FlatUnit(Block& block, int num_shards, at::Device device)
    : FlatUnit(block, tensors_of(block), num_shards, device) {}

FlatUnit::FlatUnit(Block& block, const TensorList& originals, int num_shards, at::Device device)
    : block_(block),
      dtype_(common_dtype(block, originals)),
      layout_(layout_of_tensors(block, originals, num_shards)),
      storage_(storage_nowhere(layout_.bytes(), device)) {
  block.visit([&](const std::string& name, at::Tensor& tensor) {
    const int64_t offset = layout_.offset(parameters_.size());
    const auto strides = c10::contiguous_strides(tensor.sizes());
    tensor = at::empty({0}, at::TensorOptions().dtype(dtype_).device(device))
                 .set_(storage_, offset, tensor.sizes().vec(), strides);
    parameters_.push_back({name, tensor});
  });
}

void FlatUnit::bind(const at::Tensor& flat) {
  check(flat.numel() == layout_.numel() && flat.scalar_type() == dtype_ && flat.is_contiguous(),
        "unit {} needs {} contiguous elements of {}", block_.name(), layout_.numel(), at::toString(dtype_));
  storage_.unsafeGetStorageImpl()->set_data_ptr_noswap(address_of(flat));
}

void FlatUnit::unbind() {
  storage_.unsafeGetStorageImpl()->set_data_ptr_noswap(at::DataPtr(nullptr, storage_.device()));
}

at::Tensor FlatUnit::view_of(const at::Tensor& flat, size_t i) const {
  const at::Tensor& parameter = parameters_[i].view;
  return flat.narrow(0, layout_.offset(i), parameter.numel()).view(parameter.sizes());
}

}  // namespace fgm
