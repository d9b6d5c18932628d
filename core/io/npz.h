#pragma once

#include <ATen/ATen.h>

#include <filesystem>
#include <map>
#include <string>

namespace fgm {

// The arrays of an .npz file (a zip of .npy, stored or deflated) by name, float64. IoError naming the file and the
// array for a damaged one, one of another dtype than little-endian float64, in Fortran order, encrypted, or from 4 GiB
// on; no input may crash it.
std::map<std::string, at::Tensor> read_npz(const std::filesystem::path& path);

// Writes float64 arrays, stored, as numpy.savez does: whole or not at all (write_file()). Below 4 GiB.
void write_npz(const std::filesystem::path& path, const std::map<std::string, at::Tensor>& arrays);

}  // namespace fgm
