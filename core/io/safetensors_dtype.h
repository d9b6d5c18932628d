#pragma once

#include <ATen/ATen.h>

#include <optional>
#include <string_view>

namespace fgm {

// safetensors' names of the element types: F64 F32 F16 BF16 F8_E4M3 F8_E5M2 I64 I32 I16 I8 U64 U32 U16 U8 BOOL. Nothing
// for any other.
std::optional<at::ScalarType> parse_safetensors_dtype(std::string_view name);
std::optional<std::string_view> safetensors_dtype_name(at::ScalarType dtype);

}  // namespace fgm
