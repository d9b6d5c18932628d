#include "data/hdf5/file_guard.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <vector>

#include "core/base/error.h"
#include "core/base/hash.h"

namespace fgm {
namespace {

constexpr std::array<char, 8> kMagic = {'f', 'g', 'm', 'g', 'u', 'a', 'r', '2'};
constexpr size_t kMaxValues = 250;

struct ByteRange {
  uint64_t begin, end;
};

// The first bytes of the user block; little-endian, as all machines that fgm runs on are.
struct Guard {
  std::array<char, 8> magic = kMagic;
  uint64_t file_bytes = 0;
  uint64_t num_values = 0;
  std::array<ByteRange, kMaxValues> values = {};  // in the order of the file
  std::array<char, 32> digest = {};               // XXH3-128 of the bytes behind the user block, but for the values
  uint64_t check = 0;                             // XXH3-64 of all before

  uint64_t expected_check() const { return hash64({reinterpret_cast<const char*>(this), offsetof(Guard, check)}); }
};
static_assert(sizeof(Guard) <= kGuardBytes);

void update_from(std::ifstream& file, uint64_t begin, uint64_t end, Digest& digest) {
  std::vector<char> piece(size_t{1} << 16);
  file.seekg(static_cast<std::streamoff>(begin));
  while (begin < end && file) {
    const auto bytes = static_cast<size_t>(std::min<uint64_t>(piece.size(), end - begin));
    file.read(piece.data(), static_cast<std::streamsize>(bytes));
    digest.update(std::as_bytes(std::span(piece).first(static_cast<size_t>(file.gcount()))));
    begin += bytes;
  }
}

std::array<char, 32> digest_outside(std::ifstream& file, const Guard& guard) {
  Digest digest;
  uint64_t begin = kGuardBytes;
  for (size_t i = 0; i < guard.num_values; ++i) {
    update_from(file, begin, guard.values[i].begin, digest);
    begin = guard.values[i].end;
  }
  update_from(file, begin, guard.file_bytes, digest);
  std::array<char, 32> hex;
  std::ranges::copy(digest.hex(), hex.begin());
  return hex;
}

}  // namespace

void write_guard(const std::filesystem::path& path, std::span<const H5Extent> values) {
  Guard guard;
  guard.file_bytes = std::filesystem::file_size(path);
  for (const auto& extent : values) {
    if (extent.bytes == 0) continue;
    check(guard.num_values < kMaxValues, "more than {} datasets are too many for a guard", kMaxValues);
    guard.values[guard.num_values++] = {extent.offset, extent.offset + extent.bytes};
  }
  std::ranges::sort(std::span(guard.values).first(guard.num_values), {}, &ByteRange::begin);
  std::ifstream file(path, std::ios::binary);
  guard.digest = digest_outside(file, guard);
  guard.check = guard.expected_check();
  std::fstream out(path, std::ios::binary | std::ios::in | std::ios::out);
  out.write(reinterpret_cast<const char*>(&guard), sizeof(guard));
  out.close();
  require<IoError>(file.good() && out.good(), "'{}' cannot be written", path.string());
}

void check_guard(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  Guard guard;
  file.read(reinterpret_cast<char*>(&guard), sizeof(guard));
  if (!file || guard.magic != kMagic) return;
  std::error_code ignored;
  const bool is_whole = guard.check == guard.expected_check() && guard.num_values <= kMaxValues &&
                        std::filesystem::file_size(path, ignored) == guard.file_bytes;
  require<IoError>(is_whole && digest_outside(file, guard) == guard.digest,
                   "'{}' is damaged or cut short: its structure is not as it was written; copy or make it again",
                   path.string());
}

}  // namespace fgm
