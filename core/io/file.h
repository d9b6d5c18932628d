#pragma once

#include <filesystem>
#include <string_view>

namespace fgm {

// Writes `bytes` to `path` so that a reader sees the old file or the whole new one: to a temporary name in
// the same folder, fsynced, renamed, folder fsynced. Missing parent folders are made. IoError naming the path
// and the system's reason; the temporary file is removed then and an older file of that name stays as it was.
void write_file(const std::filesystem::path& path, std::string_view bytes);

}  // namespace fgm
