#include "core/io/file.h"

#include <glob.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <span>
#include <system_error>
#include <vector>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/text.h"
#include "core/io/atomic_file.h"
#include "core/io/descriptor.h"
#include "core/io/output_path.h"

namespace fgm {
namespace {

// Calls `take` with each piece of the file in turn.
template <typename Take>
void read_pieces(const std::filesystem::path& path, const Take& take) {
  const Descriptor file(path);
  std::vector<char> piece(size_t{1} << 20);
  for (;;) {
    const ssize_t count = ::read(file.get(), piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw IoError(fmt::format("cannot read {}", path.string()), last_error());
    if (count == 0) return;
    take(std::string_view(piece.data(), static_cast<size_t>(count)));
  }
}

}  // namespace

void write_file(const std::filesystem::path& path, std::string_view bytes) {
  make_folder_of(path);
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(bytes)));
  file.commit();
}

std::string read_file(const std::filesystem::path& path) {
  std::string bytes;
  read_pieces(path, [&](std::string_view piece) { bytes += piece; });
  return bytes;
}

std::string read_part(const std::filesystem::path& path, uint64_t begin, size_t count) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw IoError(fmt::format("cannot open {}", path.string()), last_error());
  std::string bytes(count, '\0');
  file.seekg(static_cast<std::streamoff>(begin));
  file.read(bytes.data(), static_cast<std::streamsize>(count));
  bytes.resize(static_cast<size_t>(std::max<std::streamsize>(0, file.gcount())));
  return bytes;
}

std::vector<std::filesystem::path> find_files(const std::filesystem::path& name_or_pattern) {
  std::error_code ignored;
  if (std::filesystem::is_regular_file(name_or_pattern, ignored)) return {name_or_pattern};
  glob_t found{};
  const int status = ::glob(name_or_pattern.c_str(), 0, nullptr, &found);
  std::vector<std::filesystem::path> files;
  for (size_t i = 0; status == 0 && i < found.gl_pathc; ++i) {
    if (std::filesystem::is_regular_file(found.gl_pathv[i], ignored)) files.emplace_back(found.gl_pathv[i]);
  }
  ::globfree(&found);
  return files;
}

void require_no_dangling_link(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  if (!fs::is_symlink(path, ignored) || fs::status(path, ignored).type() != fs::file_type::not_found) return;
  throw ConfigError(fmt::format("{} is a link to {}, which is not there; mount or make that, or remove the link",
                                path.string(), fs::read_symlink(path, ignored).string()));
}

std::string read_text(const std::filesystem::path& path) {
  constexpr size_t kMaxBytes = size_t{1} << 30;
  std::string bytes;
  read_pieces(path, [&](std::string_view piece) {
    require<IoError>(bytes.size() + piece.size() <= kMaxBytes, "{} has more than {}, so it is no text", path.string(),
                     human_bytes(kMaxBytes));
    bytes += piece;
  });
  return std::string(decode_text(bytes, path.string()));
}

FileDigest digest_file(const std::filesystem::path& path) {
  FileDigest result;
  Digest digest;
  read_pieces(path, [&](std::string_view piece) {
    result.bytes += piece.size();
    digest.update(std::as_bytes(std::span(piece)));
  });
  result.xxh128 = digest.hex();
  return result;
}

}  // namespace fgm
