#include "data/hdf5/internal/elements.h"

#include "core/base/error.h"
#include "data/hdf5/internal/check_hdf5.h"

namespace fgm {
namespace {

// As h5py writes numpy's float16.
H5Handle float16_type(const std::string& what) {
  auto type = owned(H5Tcopy(H5T_IEEE_F32LE), "H5Tcopy", what);
  check_hdf5(H5Tset_fields(type.get(), 15, 10, 5, 0, 10), "H5Tset_fields", what);
  check_hdf5(H5Tset_size(type.get(), 2), "H5Tset_size", what);
  check_hdf5(H5Tset_ebias(type.get(), 15), "H5Tset_ebias", what);
  return type;
}

}  // namespace

H5Handle owned(int64_t id, std::string_view call, const std::string& what) {
  return H5Handle(check_hdf5(id, call, what));
}

std::string_view name_of(H5Element element) {
  static constexpr std::string_view kNames[] = {"uint8", "uint64", "float16", "bfloat16", "float32"};
  return kNames[static_cast<size_t>(element)];
}

int64_t bytes_of(H5Element element) {
  static constexpr int64_t kBytes[] = {1, 8, 2, 2, 4};
  return kBytes[static_cast<size_t>(element)];
}

H5Handle file_type(H5Element element, const std::string& what) {
  switch (element) {
    case H5Element::kUint8:
      return owned(H5Tcopy(H5T_STD_U8LE), "H5Tcopy", what);
    case H5Element::kUint64:
      return owned(H5Tcopy(H5T_STD_U64LE), "H5Tcopy", what);
    case H5Element::kFloat16:
      return float16_type(what);
    case H5Element::kBFloat16:
      return owned(H5Tcopy(H5T_STD_U16LE), "H5Tcopy", what);
    case H5Element::kFloat32:
      return owned(H5Tcopy(H5T_IEEE_F32LE), "H5Tcopy", what);
  }
  throw Error("an element of no known type");
}

bool is_of(const H5Handle& type, H5Element element, const std::string& what) {
  const auto expected = file_type(element, what);
  const bool is_integer = element == H5Element::kUint8 || element == H5Element::kUint64;
  if (!is_integer) return check_hdf5(H5Tequal(type.get(), expected.get()), "H5Tequal", what) > 0;
  return H5Tget_class(type.get()) == H5T_INTEGER && H5Tget_size(type.get()) == H5Tget_size(expected.get()) &&
         H5Tget_sign(type.get()) == H5T_SGN_NONE;
}

}  // namespace fgm
