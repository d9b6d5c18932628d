#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace fgm {

// One tensor of a safetensors file, as its header describes it.
struct TensorInfo {
  std::string name;
  at::ScalarType dtype;
  std::vector<int64_t> shape;
  uint64_t begin = 0;  // bytes from the start of the data section
  uint64_t end = 0;
};

// A safetensors file, mapped read-only. The whole header is checked on opening: length, JSON, dtypes, that
// every tensor's bytes match its shape, and that the tensors lie in the file without overlap or gap. IoError
// otherwise, naming the file and what is wrong; no input may crash it.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const std::filesystem::path& path);
  ~SafetensorsFile();
  SafetensorsFile(SafetensorsFile&&) noexcept;
  SafetensorsFile& operator=(SafetensorsFile&&) noexcept;

  const std::filesystem::path& path() const;
  const std::vector<TensorInfo>& tensors() const;              // in file order
  const std::map<std::string, std::string>& metadata() const;  // __metadata__, empty when absent
  bool contains(const std::string& name) const;

  // A CPU tensor that views the mapping (do not write to it); the mapping lives as long as any view of it.
  // Bools, and data that the writer left unaligned, come as a copy.
  // IoError naming the file and the nearest name when `name` is absent.
  at::Tensor view(const std::string& name) const;

 private:
  struct Mapping;
  std::shared_ptr<Mapping> mapping_;
};

struct NamedTensor {
  std::string name;
  at::Tensor tensor;
};

// Writes `tensors` (any device, made contiguous) to `path`: to a temporary name in the same folder, fsynced,
// renamed, folder fsynced. A full disk or any other failure is an IoError and leaves an older file of that
// name as it was.
void write_safetensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace fgm
