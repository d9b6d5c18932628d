#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

// What the readers of zip files share. The format: PKWARE's APPNOTE.TXT, sections 4.3.12 (directory), 4.3.14 to 4.3.16
// (its end) and 4.4.7 (CRC-32).
namespace fgm {

inline constexpr uint32_t kZipDirectoryEntry = 0x02014b50, kZipDirectoryEnd = 0x06054b50;
inline constexpr size_t kZipEntryBytes = 46, kZipEndBytes = 22;  // without name, extra field and comment
inline constexpr uint32_t kInZip64 = 0xffffffff;                 // a size or place that takes 64 bits stands elsewhere

// Little-endian numbers among bytes of the file `place`. IoError naming it for what reaches beyond their end.
class FileBytes {
 public:
  FileBytes(std::string_view bytes, std::string place) : bytes_(bytes), place_(std::move(place)) {}

  [[noreturn]] void fail(std::string_view problem) const;  // IoError "PLACE: PROBLEM"
  std::string_view part(size_t begin, size_t size) const;
  template <typename Number>
  Number number(size_t begin) const {
    Number value;
    std::memcpy(&value, part(begin, sizeof value).data(), sizeof value);
    return value;
  }
  size_t size() const { return bytes_.size(); }

 private:
  std::string_view bytes_;
  std::string place_;
};

// Where the end of the directory stands in a zip file, or in its last bytes: a comment may follow it. IoError for none.
size_t find_zip_end(const FileBytes& zip);

uint32_t crc32_of(std::string_view bytes);

// The CRC-32 of each entry by its name, as the directory of a zip file of any size has it. IoError naming the file where
// the directory is damaged.
std::map<std::string, uint32_t> read_zip_crcs(const std::filesystem::path& path);

}  // namespace fgm
