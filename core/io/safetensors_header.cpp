#include "core/io/safetensors_header.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

#include "core/base/error.h"
#include "core/io/safetensors_dtype.h"
#include "core/io/strict_json.h"

namespace fgm {
namespace {

using nlohmann::json;

constexpr size_t kMaxRank = 64;  // ATen's own limit
constexpr int kMaxDepth = 3;     // header object, tensor object, shape array

const json& member(const json& object, const std::string& tensor, const char* key) {
  const auto it = object.find(key);
  require<IoError>(it != object.end(), "tensor '{}' has no {}", tensor, key);
  return *it;
}

std::vector<uint64_t> unsigned_list(const json& list, const std::string& tensor, const char* key) {
  require<IoError>(list.is_array(), "tensor '{}': {} is not a list", tensor, key);
  std::vector<uint64_t> numbers;
  for (const auto& number : list) {
    require<IoError>(number.is_number_unsigned(), "tensor '{}': {} holds {}, not a non-negative integer", tensor, key,
                     number.dump(-1, ' ', true));
    numbers.push_back(number.get<uint64_t>());
  }
  return numbers;
}

struct Entry {
  TensorInfo info;
  uint64_t begin, end;  // of its bytes in the data section
};

// The bits of a tensor. A dimension of 0 counts as 1 in the overflow check, so that strides cannot overflow either.
uint64_t checked_bits(const std::vector<uint64_t>& shape, int64_t element_bits, const std::string& tensor) {
  int64_t bits = element_bits;
  bool is_empty = false, overflows = false;
  for (const uint64_t size : shape) {
    is_empty |= size == 0;
    overflows |= __builtin_mul_overflow(bits, std::max<uint64_t>(size, 1), &bits);
  }
  require<IoError>(!overflows, "tensor '{}': its shape overflows 64 bits", tensor);
  return is_empty ? 0 : static_cast<uint64_t>(bits);
}

// How many bytes a shape takes is known of the dtypes that safetensors has; of newer ones nobody here knows it.
void check_size(const std::string& name, const std::string& dtype, const std::vector<uint64_t>& shape,
                uint64_t num_bytes) {
  const auto element_bits = safetensors_dtype_bits(dtype);
  const uint64_t bits = checked_bits(shape, element_bits.value_or(8), name);
  if (!element_bits) return;
  require<IoError>(bits % 8 == 0, "tensor '{}': {} elements of {} are no whole number of bytes", name,
                   bits / static_cast<uint64_t>(*element_bits), dtype);
  require<IoError>(bits / 8 == num_bytes, "tensor '{}': its shape needs {} bytes, data_offsets span {}", name, bits / 8,
                   num_bytes);
}

Entry parse_tensor(const std::string& name, const json& object) {
  require<IoError>(object.is_object(), "tensor '{}' is not described by an object", name);
  const auto& dtype_member = member(object, name, "dtype");
  require<IoError>(dtype_member.is_string(), "tensor '{}': dtype is not a string", name);
  const auto dtype_name = dtype_member.get<std::string>();
  const auto shape = unsigned_list(member(object, name, "shape"), name, "shape");
  require<IoError>(shape.size() <= kMaxRank, "tensor '{}' has {} dimensions (at most {})", name, shape.size(),
                   kMaxRank);
  const auto offsets = unsigned_list(member(object, name, "data_offsets"), name, "data_offsets");
  require<IoError>(offsets.size() == 2 && offsets[0] <= offsets[1], "tensor '{}': data_offsets is not [begin, end]",
                   name);
  check_size(name, dtype_name, shape, offsets[1] - offsets[0]);
  const auto dtype = parse_safetensors_dtype(dtype_name);
  return {{.name = name,
           .dtype = dtype.value_or(at::ScalarType::Undefined),
           .shape = {shape.begin(), shape.end()},
           .num_bytes = offsets[1] - offsets[0],
           .unread_dtype = dtype ? "" : dtype_name},
          offsets[0],
          offsets[1]};
}

std::map<std::string, std::string> parse_metadata(const json& object) {
  std::map<std::string, std::string> metadata;
  if (object.is_null()) return metadata;
  require<IoError>(object.is_object(), "__metadata__ is not an object");
  for (const auto& [key, value] : object.items()) {
    require<IoError>(value.is_string(), "__metadata__ '{}' is not a string", key);
    metadata.emplace(key, value.get<std::string>());
  }
  return metadata;
}

void check_tiling(const std::vector<Entry>& entries, uint64_t data_bytes) {
  uint64_t end = 0;
  for (const auto& entry : entries) {
    require<IoError>(entry.begin == end, "tensor '{}' begins at byte {}, expected {}: the data has {}", entry.info.name,
                     entry.begin, end, entry.begin < end ? "an overlap" : "a gap");
    end = entry.end;
  }
  require<IoError>(end <= data_bytes,
                   "the tensors end at byte {} and the file has {} bytes of data: it is cut short; copy or download it "
                   "again",
                   end, data_bytes);
  require<IoError>(end == data_bytes, "the tensors end at byte {} but the file has {} bytes of data", end, data_bytes);
}

SafetensorsHeader parse(std::string_view text, uint64_t data_bytes) {
  const json root = parse_strict_json(text, kMaxDepth);
  require<IoError>(root.is_object(), "it is not a JSON object");
  SafetensorsHeader header;
  std::vector<Entry> entries;
  for (const auto& [name, value] : root.items()) {
    if (name == "__metadata__") {
      header.metadata = parse_metadata(value);
    } else {
      entries.push_back(parse_tensor(name, value));
    }
  }
  std::ranges::sort(entries, {}, [](const Entry& entry) { return std::tie(entry.begin, entry.end); });
  check_tiling(entries, data_bytes);
  for (auto& entry : entries) {
    header.tensors.push_back(std::move(entry.info));
    header.begins.push_back(entry.begin);
  }
  return header;
}

}  // namespace

SafetensorsHeader parse_safetensors_header(const std::filesystem::path& path, std::string_view json,
                                           uint64_t data_bytes) {
  try {
    return parse(json, data_bytes);
  } catch (const IoError& error) {
    throw IoError(fmt::format("{}: bad safetensors header: {}", path.string(), error.what()));
  }
}

}  // namespace fgm
