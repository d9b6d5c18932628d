#pragma once

#include <string>
#include <string_view>

#include "data/hdf5/h5_file.h"

namespace fgm {

// Owns what `call` returned; throws as check_hdf5().
H5Handle owned(int64_t id, std::string_view call, const std::string& what);

// The type that a new dataset gets.
H5Handle file_type(H5Element element, const std::string& what);

// Whether elements of `type` are such ones; bfloat16 is any uint16.
bool is_of(const H5Handle& type, H5Element element, const std::string& what);

}  // namespace fgm
