#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/io/file.h"
#include "core/io/tensor_source.h"

namespace fgm {

// A safetensors file, read piece by piece. The whole header is checked on opening: length, JSON, dtypes, that
// every tensor's bytes match its shape, and that the tensors lie in the file without overlap or gap. IoError
// otherwise, naming the file and what is wrong, or what it is instead (core/io/file_kind.h); no input may crash it.
// A file that is written over after its opening is an IoError of read(), with kExitCrash.
class SafetensorsFile : public TensorSource {
 public:
  explicit SafetensorsFile(const std::filesystem::path& path);
  ~SafetensorsFile() override;
  SafetensorsFile(SafetensorsFile&&) noexcept;
  SafetensorsFile& operator=(SafetensorsFile&&) noexcept;

  const std::filesystem::path& path() const;
  std::string place() const override { return path().string(); }
  const std::vector<TensorInfo>& tensors() const override;              // in file order
  const std::map<std::string, std::string>& metadata() const override;  // __metadata__, empty when absent
  bool contains(const std::string& name) const;
  const TensorInfo& info(const std::string& name) const;  // IoError as for read()
  void read(const std::string& name, int64_t begin, const at::Tensor& out) const override;

 private:
  struct File;
  std::unique_ptr<const File> file_;
};

struct NamedTensor {
  std::string name;
  at::Tensor tensor;
};

// Writes `tensors` (any device, made contiguous) to `path`: to a temporary name in the same folder, fsynced,
// renamed, folder fsynced. A full disk or any other failure is an IoError and leaves an older file of that
// name as it was. Returns the file's digest, taken while writing.
FileDigest write_safetensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                             const std::map<std::string, std::string>& metadata = {});

// A tensor that is made when its turn to be written comes, and let go after it.
struct TensorMaker {
  std::string name;
  at::ScalarType dtype;
  std::vector<int64_t> shape;
  std::function<at::Tensor()> make;  // of that dtype and shape
};

// The same file without holding more than one tensor at a time.
FileDigest stream_safetensors(const std::filesystem::path& path, const std::vector<TensorMaker>& tensors,
                              const std::map<std::string, std::string>& metadata = {});

}  // namespace fgm
