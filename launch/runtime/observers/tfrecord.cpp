#include "launch/runtime/observers/tfrecord.h"

#include <array>
#include <bit>

namespace fgm {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::array<uint32_t, 256> make_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0u);
    table[byte] = crc;
  }
  return table;
}

constexpr auto kTable = make_table();

uint32_t masked_crc(std::string_view bytes) {
  return std::rotr(crc32c(bytes), 15) + 0xa282ead8u;
}

template <typename Integer>
std::string_view bytes_of(const Integer& value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  uint32_t crc = ~0u;
  for (const char c : bytes) crc = (crc >> 8) ^ kTable[(crc ^ static_cast<uint8_t>(c)) & 0xff];
  return ~crc;
}

std::string tfrecord(std::string_view bytes) {
  const uint64_t length = bytes.size();
  const uint32_t length_crc = masked_crc(bytes_of(length));
  const uint32_t bytes_crc = masked_crc(bytes);
  std::string record;
  for (const auto piece : {bytes_of(length), bytes_of(length_crc), bytes, bytes_of(bytes_crc)}) record += piece;
  return record;
}

}  // namespace fgm
