#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fgm {

// CRC-32C (Castagnoli, reflected polynomial 0x82f63b78), as RFC 3720 appendix B.4 has it.
uint32_t crc32c(std::string_view bytes);

// One record of a TFRecord file: length (uint64), masked CRC of the length, the bytes, masked CRC of the
// bytes; little endian. Masked as TensorFlow's hash/crc32c.h: ((crc >> 15) | (crc << 17)) + 0xa282ead8.
std::string tfrecord(std::string_view bytes);

}  // namespace fgm
