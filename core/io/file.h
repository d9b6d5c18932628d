#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace fgm {

// The size of a file and the XXH3-128 of its bytes, as `xxh128sum` prints it.
struct FileDigest {
  uint64_t bytes = 0;
  std::string xxh128;

  bool operator==(const FileDigest&) const = default;
};

// Writes `bytes` to `path` so that a reader sees the old file or the whole new one: to a temporary name in
// the same folder, fsynced, renamed, folder fsynced. Missing parent folders are made. IoError naming the path
// and the system's reason; the temporary file is removed then and an older file of that name stays as it was.
void write_file(const std::filesystem::path& path, std::string_view bytes);

// All bytes of a file. IoError naming the path and the system's reason.
std::string read_file(const std::filesystem::path& path);

// The `count` bytes of a file from `begin` on, fewer where it ends before. IoError when it cannot be opened.
std::string read_part(const std::filesystem::path& path, uint64_t begin, size_t count);

// The text of a file, without a byte order mark. IoError as above, and where it is not UTF-8 (decode_text) or too large
// to be text (1 GiB).
std::string read_text(const std::filesystem::path& path);

// The file of that name, or else the files that a pattern such as "part-*.h5" matches, sorted; none when there are none.
std::vector<std::filesystem::path> find_files(const std::filesystem::path& name_or_pattern);

// ConfigError naming `path` and where it leads when it is a link to what is not there: "no such file" of such a path
// would send its user to look for the wrong thing, and to make it says "File exists".
void require_no_dangling_link(const std::filesystem::path& path);

// Reads the whole file, in pieces. IoError as above.
FileDigest digest_file(const std::filesystem::path& path);

}  // namespace fgm
