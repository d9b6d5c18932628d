#pragma once

#include <ATen/ATen.h>

#include <optional>
#include <string_view>

namespace fgm {

// safetensors' names of the element types: F64 F32 F16 BF16 F8_E4M3 F8_E5M2 I64 I32 I16 I8 U64 U32 U16 U8 BOOL. Nothing
// for any other.
std::optional<at::ScalarType> parse_safetensors_dtype(std::string_view name);
std::optional<std::string_view> safetensors_dtype_name(at::ScalarType dtype);

// The bits of one element of any type of safetensors 0.8, also of those that fgm does not read: F4 F6_E2M3 F6_E3M2
// F8_E8M0 F8_E4M3FNUZ F8_E5M2FNUZ C64. Nothing for a name that it does not know either.
std::optional<int64_t> safetensors_dtype_bits(std::string_view name);

}  // namespace fgm
