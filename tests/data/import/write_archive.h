#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace fgm {

using Members = std::vector<std::pair<std::string, std::string>>;  // names and bytes

// An archive of the kind that the name's ending says: .tar, .tar.gz or .zip.
inline void write_archive(const std::filesystem::path& path, const Members& members) {
  archive* out = archive_write_new();
  ASSERT_EQ(archive_write_set_format_filter_by_ext(out, path.c_str()), ARCHIVE_OK) << path;
  ASSERT_EQ(archive_write_open_filename(out, path.c_str()), ARCHIVE_OK) << archive_error_string(out);
  for (const auto& [name, bytes] : members) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, name.c_str());
    archive_entry_set_size(entry, static_cast<la_int64_t>(bytes.size()));
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    ASSERT_EQ(archive_write_header(out, entry), ARCHIVE_OK) << archive_error_string(out);
    ASSERT_EQ(archive_write_data(out, bytes.data(), bytes.size()), std::ssize(bytes)) << archive_error_string(out);
    archive_entry_free(entry);
  }
  ASSERT_EQ(archive_write_free(out), ARCHIVE_OK);
}

}  // namespace fgm
