#include "core/io/output_path.h"

#include <fcntl.h>
#include <unistd.h>

#include "core/base/error.h"

namespace fs = std::filesystem;

namespace fgm {
namespace {

// Of what `path` leads to; not_found where nothing is there.
fs::file_type type_of(const fs::path& path) {
  std::error_code error;
  const auto type = fs::status(path, error).type();
  if (type == fs::file_type::none) throw IoError(fmt::format("cannot write {}", path.string()), error);
  return type;
}

// "a/b/c" for "a/b/c/"
fs::path without_slash(const fs::path& path) {
  return path.has_filename() || !path.has_relative_path() ? path : path.parent_path();
}

}  // namespace

void check_output_file(const fs::path& file) {
  const auto type = type_of(file);
  require<IoError>(type != fs::file_type::directory && file.has_filename(),
                   "cannot write {}: it is a folder; give a file", file.string());
  require<IoError>(type == fs::file_type::regular || type == fs::file_type::not_found,
                   "cannot write {}: it is a device, pipe or socket; give a file", file.string());
  check_output_folder(fs::absolute(file).parent_path());
}

void check_output_folder(const fs::path& folder) {
  auto nearest = fs::absolute(without_slash(folder));
  while (type_of(nearest) == fs::file_type::not_found) nearest = nearest.parent_path();
  require<IoError>(fs::is_directory(nearest), "cannot write {}: {} is no folder", folder.string(), nearest.string());
  if (::faccessat(AT_FDCWD, nearest.c_str(), W_OK | X_OK, AT_EACCESS) != 0) {
    throw IoError(fmt::format("cannot write in {}", nearest.string()), last_error());
  }
}

bool is_file_name(const fs::path& path, const std::set<std::string>& file_endings) {
  return file_endings.contains(path.extension().string());
}

void check_output(const fs::path& path, const std::set<std::string>& file_endings) {
  is_file_name(path, file_endings) ? check_output_file(path) : check_output_folder(path);
}

void check_not_replaced(const fs::path& file, const std::string& flag, const fs::path& input) {
  std::error_code is_missing;
  require<ConfigError>(!fs::equivalent(file, input, is_missing), "cannot write {}: {} reads it; give another file",
                       file.string(), flag);
}

void make_folder_of(const fs::path& file) {
  std::error_code error;
  if (file.has_parent_path()) fs::create_directories(file.parent_path(), error);
  if (error) throw IoError(fmt::format("cannot make the folder of {}", file.string()), error);
}

}  // namespace fgm
