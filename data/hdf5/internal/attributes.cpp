#include "data/hdf5/internal/attributes.h"

#include "core/base/error.h"
#include "data/hdf5/internal/check_hdf5.h"
#include "data/hdf5/internal/elements.h"

namespace fgm {
namespace {

// `size` bytes, or H5T_VARIABLE.
H5Handle utf8_type(size_t size, const std::string& what) {
  auto type = owned(H5Tcopy(H5T_C_S1), "H5Tcopy", what);
  check_hdf5(H5Tset_size(type.get(), size), "H5Tset_size", what);
  check_hdf5(H5Tset_cset(type.get(), H5T_CSET_UTF8), "H5Tset_cset", what);
  return type;
}

// Requires that the attribute is one value of `type_class`.
void check_attribute(const H5Handle& attribute, H5T_class_t type_class, const std::string& what) {
  const auto type = owned(H5Aget_type(attribute.get()), "H5Aget_type", what);
  const auto space = owned(H5Aget_space(attribute.get()), "H5Aget_space", what);
  require<IoError>(H5Tget_class(type.get()) == type_class && H5Sget_simple_extent_npoints(space.get()) == 1,
                   "{}: expected one {}, found something else; the file was not written as docs/data_format.md says",
                   what, type_class == H5T_INTEGER ? "integer" : "string");
}

void write_value(const H5Handle& object, const std::string& name, const H5Handle& type, const void* value,
                 const std::string& what) {
  const auto space = owned(H5Screate(H5S_SCALAR), "H5Screate", what);
  const auto attribute = owned(
      H5Acreate2(object.get(), name.c_str(), type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT), "H5Acreate", what);
  check_hdf5(H5Awrite(attribute.get(), type.get(), value), "H5Awrite", what);
}

}  // namespace

int64_t read_int(const H5Handle& attribute, const std::string& what) {
  check_attribute(attribute, H5T_INTEGER, what);
  int64_t value = 0;
  check_hdf5(H5Aread(attribute.get(), H5T_NATIVE_INT64, &value), "H5Aread", what);
  return value;
}

std::string read_string(const H5Handle& attribute, const std::string& what) {
  check_attribute(attribute, H5T_STRING, what);
  const auto type = owned(H5Aget_type(attribute.get()), "H5Aget_type", what);
  if (check_hdf5(H5Tis_variable_str(type.get()), "H5Tis_variable_str", what) > 0) {
    char* text = nullptr;
    check_hdf5(H5Aread(attribute.get(), type.get(), &text), "H5Aread", what);
    std::string value = text == nullptr ? "" : text;
    H5free_memory(text);
    return value;
  }
  constexpr size_t kMostBytes = size_t{1} << 24;
  const size_t bytes = H5Tget_size(type.get());
  require<IoError>(bytes <= kMostBytes, "{}: a string of {} bytes, and {} are the most; the file is damaged", what,
                   bytes, kMostBytes);
  std::string value(bytes, '\0');
  check_hdf5(H5Aread(attribute.get(), type.get(), value.data()), "H5Aread", what);
  return value.substr(0, value.find('\0'));
}

void write_string(const H5Handle& object, const std::string& name, const std::string& utf8, const std::string& what) {
  const char* text = utf8.c_str();
  write_value(object, name, utf8_type(H5T_VARIABLE, what), &text, what);
}

void write_fixed_string(const H5Handle& object, const std::string& name, const std::string& utf8,
                        const std::string& what) {
  write_value(object, name, utf8_type(utf8.size() + 1, what), utf8.c_str(), what);
}

}  // namespace fgm
