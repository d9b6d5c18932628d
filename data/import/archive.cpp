#include <archive.h>
#include <archive_entry.h>

#include <array>
#include <cerrno>

#include "core/base/error.h"
#include "core/base/text.h"
#include "data/import/internal/archive.h"

namespace fgm {

struct ArchiveReader::Impl {
  using Archive = std::unique_ptr<archive, decltype(&archive_read_free)>;

  explicit Impl(const std::filesystem::path& file) : path(file), reader(archive_read_new(), archive_read_free) {
    for (const auto support : {archive_read_support_format_tar, archive_read_support_format_zip,
                               archive_read_support_filter_gzip, archive_read_support_filter_zstd}) {
      check(support(reader.get()) == ARCHIVE_OK, "libarchive lacks tar, zip, gzip or zstd");
    }
  }

  // libarchive's last error. What may pass, a disk's or a server's failure, has the system's code; damage has EILSEQ,
  // EINVAL or none.
  IoError error(const std::string& what) const {
    const char* text = archive_error_string(reader.get());
    const int code = archive_errno(reader.get());
    const bool is_system = code > 0 && code != EILSEQ && code != EINVAL;
    return IoError(what + printable(text == nullptr ? "no reason given" : text),
                   is_system ? exit_code_of({code, std::generic_category()}) : kExitConfig);
  }

  std::filesystem::path path;
  std::string last_name;
  Archive reader;
};

ArchiveReader::ArchiveReader(const std::filesystem::path& path) : impl_(std::make_unique<Impl>(path)) {
  constexpr size_t kBlockBytes = size_t{1} << 18;
  if (archive_read_open_filename(impl_->reader.get(), path.c_str(), kBlockBytes) != ARCHIVE_OK) {
    throw impl_->error(fmt::format("'{}' cannot be opened as a tar or zip file: ", path.string()));
  }
}
ArchiveReader::~ArchiveReader() = default;

std::optional<ArchiveReader::Member> ArchiveReader::next() {
  archive_entry* entry = nullptr;
  const int status = archive_read_next_header(impl_->reader.get(), &entry);
  if (status == ARCHIVE_EOF) return std::nullopt;
  if (status != ARCHIVE_OK && status != ARCHIVE_WARN) {
    throw impl_->error(fmt::format(
        "'{}' {}: ", impl_->path.string(),
        impl_->last_name.empty() ? "is no tar (plain, gzip or zstd) or zip file"
                                 : fmt::format("is damaged behind '{}'; copy it again", printable(impl_->last_name))));
  }
  // A name beyond ASCII comes in one form or the other, as the archive says of its encoding and the locale has one.
  const char* name = archive_entry_pathname_utf8(entry);
  if (name == nullptr) name = archive_entry_pathname(entry);
  impl_->last_name = name == nullptr ? "?" : name;
  return Member{impl_->last_name,
                archive_entry_filetype(entry) == AE_IFREG && archive_entry_hardlink(entry) == nullptr};
}

std::string ArchiveReader::read(size_t most_bytes) {
  constexpr size_t kPieceBytes = size_t{1} << 16;
  std::array<char, kPieceBytes> piece;
  std::string bytes;
  for (;;) {
    const auto size = archive_read_data(impl_->reader.get(), piece.data(), piece.size());
    if (size < 0) throw impl_->error("");
    if (size == 0) return bytes;
    bytes.append(piece.data(), static_cast<size_t>(size));
    require<IoError>(bytes.size() <= most_bytes, "it has more than {}", human_bytes(static_cast<double>(most_bytes)));
  }
}

}  // namespace fgm
