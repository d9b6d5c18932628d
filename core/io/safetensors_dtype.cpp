#include "core/io/safetensors_dtype.h"

#include <array>
#include <utility>

namespace fgm {
namespace {

constexpr std::array<std::pair<std::string_view, at::ScalarType>, 15> kDtypes = {{
    {"F64", at::kDouble},
    {"F32", at::kFloat},
    {"F16", at::kHalf},
    {"BF16", at::kBFloat16},
    {"F8_E4M3", at::kFloat8_e4m3fn},
    {"F8_E5M2", at::kFloat8_e5m2},
    {"I64", at::kLong},
    {"I32", at::kInt},
    {"I16", at::kShort},
    {"I8", at::kChar},
    {"U64", at::kUInt64},
    {"U32", at::kUInt32},
    {"U16", at::kUInt16},
    {"U8", at::kByte},
    {"BOOL", at::kBool},
}};

constexpr std::array<std::pair<std::string_view, int64_t>, 7> kUnreadBits = {{
    {"F4", 4},
    {"F6_E2M3", 6},
    {"F6_E3M2", 6},
    {"F8_E8M0", 8},
    {"F8_E4M3FNUZ", 8},
    {"F8_E5M2FNUZ", 8},
    {"C64", 64},
}};

}  // namespace

std::optional<at::ScalarType> parse_safetensors_dtype(std::string_view name) {
  for (const auto& [known, dtype] : kDtypes) {
    if (known == name) return dtype;
  }
  return std::nullopt;
}

std::optional<std::string_view> safetensors_dtype_name(at::ScalarType dtype) {
  for (const auto& [name, known] : kDtypes) {
    if (known == dtype) return name;
  }
  return std::nullopt;
}

std::optional<int64_t> safetensors_dtype_bits(std::string_view name) {
  if (const auto dtype = parse_safetensors_dtype(name)) return 8 * static_cast<int64_t>(c10::elementSize(*dtype));
  for (const auto& [unread, bits] : kUnreadBits) {
    if (unread == name) return bits;
  }
  return std::nullopt;
}

}  // namespace fgm
