#include "core/io/zip.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>

#include "core/base/error.h"
#include "core/io/file.h"

namespace fgm {
namespace {

constexpr size_t kLongestComment = 0xffff;
constexpr uint32_t kZip64End = 0x06064b50, kZip64Locator = 0x07064b50;
constexpr size_t kZip64EndBytes = 56, kZip64LocatorBytes = 20;

// The bytes of the directory of a zip file.
std::string read_zip_directory(const std::filesystem::path& path) {
  constexpr uint64_t kTailBytes = kZip64LocatorBytes + kZipEndBytes + kLongestComment;
  const uint64_t file_bytes = std::filesystem::file_size(path);
  const auto last = read_part(path, file_bytes - std::min(file_bytes, kTailBytes), kTailBytes);
  const FileBytes tail(last, path.string());
  const size_t end = find_zip_end(tail);
  uint64_t size = tail.number<uint32_t>(end + 12), begin = tail.number<uint32_t>(end + 16);
  if (size == kInZip64 || begin == kInZip64) {
    const size_t locator = end - kZip64LocatorBytes;
    if (tail.number<uint32_t>(locator) != kZip64Locator) tail.fail("the zip directory is damaged");
    const auto record = read_part(path, tail.number<uint64_t>(locator + 8), kZip64EndBytes);
    const FileBytes zip64(record, path.string());
    if (zip64.number<uint32_t>(0) != kZip64End) tail.fail("the zip directory is damaged");
    size = zip64.number<uint64_t>(40);
    begin = zip64.number<uint64_t>(48);
  }
  if (size > file_bytes || begin > file_bytes - size) tail.fail("the zip directory is damaged");
  return read_part(path, begin, size);
}

}  // namespace

void FileBytes::fail(std::string_view problem) const {
  throw IoError(fmt::format("{}: {}", place_, problem));
}

std::string_view FileBytes::part(size_t begin, size_t size) const {
  if (begin > bytes_.size() || size > bytes_.size() - begin) fail("the file is cut short or damaged");
  return bytes_.substr(begin, size);
}

size_t find_zip_end(const FileBytes& zip) {
  for (size_t back = kZipEndBytes; back <= std::min(zip.size(), kZipEndBytes + kLongestComment); ++back) {
    if (zip.number<uint32_t>(zip.size() - back) == kZipDirectoryEnd) return zip.size() - back;
  }
  zip.fail("this is no whole zip file: it has no directory");
}

uint32_t crc32_of(std::string_view bytes) {
  return static_cast<uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

std::map<std::string, uint32_t> read_zip_crcs(const std::filesystem::path& path) {
  const auto directory = read_zip_directory(path);
  const FileBytes zip(directory, path.string());
  std::map<std::string, uint32_t> crcs;
  for (size_t at = 0; at < zip.size();) {
    if (zip.number<uint32_t>(at) != kZipDirectoryEntry) zip.fail("the zip directory is damaged");
    const size_t name_bytes = zip.number<uint16_t>(at + 28);
    crcs.emplace(zip.part(at + kZipEntryBytes, name_bytes), zip.number<uint32_t>(at + 16));
    at += kZipEntryBytes + name_bytes + zip.number<uint16_t>(at + 30) + zip.number<uint16_t>(at + 32);
  }
  return crcs;
}

}  // namespace fgm
