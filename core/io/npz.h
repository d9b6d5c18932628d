#pragma once

#include <ATen/ATen.h>

#include <filesystem>
#include <map>
#include <string>

namespace fgm {

// The arrays of an .npz file (a zip of .npy, stored or deflated) by name: float16 to float64, int8 to int64, uint8, and
// bool as uint8. IoError naming the file and the array for a damaged one, one of another dtype, big-endian or in
// Fortran order, encrypted, or from 4 GiB on; no input may crash it.
std::map<std::string, at::Tensor> read_npz(const std::filesystem::path& path);

// Writes float64 arrays, stored, as numpy.savez does: whole or not at all (write_file()). Below 4 GiB.
void write_npz(const std::filesystem::path& path, const std::map<std::string, at::Tensor>& arrays);

}  // namespace fgm
