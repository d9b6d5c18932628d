#pragma once

#include <filesystem>
#include <set>
#include <string>

namespace fgm {

// The one rule for what commands write, file or folder: missing folders above it are made, when it is written; what can
// be known to be in the way is an error before the work. Neither leaves anything behind.

// IoError when `file` cannot come to be: its folder, or the nearest one above that is there, may not be written to or
// is no folder; a folder has that name, or a device, pipe or socket, which a finished file would replace.
void check_output_file(const std::filesystem::path& file);

// The same for a folder that files are written to; one that is there will do. IoError.
void check_output_folder(const std::filesystem::path& folder);

// Whether the name of an output is a file's, with one of `file_endings` (".h5"); else it is a folder's.
bool is_file_name(const std::filesystem::path& path, const std::set<std::string>& file_endings);

// check_output_file() or check_output_folder(), as the name says. IoError.
void check_output(const std::filesystem::path& path, const std::set<std::string>& file_endings);

// ConfigError when writing `file` would replace `input`, which `flag` ("--images") names.
void check_not_replaced(const std::filesystem::path& file, const std::string& flag, const std::filesystem::path& input);

// Makes the folder that `file` lies in, and those above it, where they are missing. IoError.
void make_folder_of(const std::filesystem::path& file);

}  // namespace fgm
