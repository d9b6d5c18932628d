#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace fgm {

// What a file is that does not begin as a safetensors file does, and what to do: "is a Git LFS pointer, ...: run `git
// lfs pull` there". Told by its first bytes and its name; nothing when these tell nothing. IoError when it cannot be
// read.
std::optional<std::string> what_it_is_instead(const std::filesystem::path& path);

// Whether it is a zip file that torch.save() wrote, by its name or by that of its first entry. IoError as above.
bool is_torch_file(const std::filesystem::path& path);

// Of a file that is cut short, or whose bytes are missing: that it is a download under way, by its name or by what lies
// beside it, and which program's; empty without such signs.
std::string unfinished_download(const std::filesystem::path& path);

// Whether HDF5's signature stands at the file's start, or behind a user block of 512, 1024, 2048, ... bytes.
bool is_hdf5(const std::filesystem::path& path);

}  // namespace fgm
