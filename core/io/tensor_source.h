#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace fgm {

using ShapeByName = std::map<std::string, std::vector<int64_t>>;

// One tensor of a source.
struct TensorInfo {
  std::string name;
  at::ScalarType dtype;
  std::vector<int64_t> shape;
  uint64_t num_bytes = 0;
  // safetensors' name of an element type that is not read here (F4, ...): `dtype` is then Undefined, and read() an
  // error.
  std::string unread_dtype = {};
};

// The element type as safetensors calls it.
std::string dtype_name(const TensorInfo& info);

// Named tensors on disk, read piece by piece: a safetensors file, or one role of a checkpoint of many files.
class TensorSource {
 public:
  virtual ~TensorSource() = default;

  virtual const std::vector<TensorInfo>& tensors() const = 0;
  virtual const std::map<std::string, std::string>& metadata() const = 0;  // of the safetensors file, or of the first

  // Copies elements [begin, begin + out.numel()) of the row-major flattening of tensor `name` into `out`: contiguous,
  // any shape, device and dtype, which the values are converted to. No more memory is needed than `out`. IoError naming
  // place() and the nearest name when `name` is absent.
  virtual void read(const std::string& name, int64_t begin, const at::Tensor& out) const = 0;

  // The tensors on disk that `name` is made of, for errors.
  virtual std::vector<std::string> stored_names(const std::string& name) const { return {name}; }

  virtual std::string place() const = 0;  // a path, for errors
};

// The entry of tensors() called `name`. IoError naming place() and the nearest name when there is none.
const TensorInfo& find_tensor(const TensorSource& source, const std::string& name);

// What read() of tensor `info` of a file requires: IoError when its elements are of a type that is not read here, and a
// check that `out` is contiguous and reaches no further than the tensor.
void check_read(const TensorSource& source, const TensorInfo& info, int64_t begin, const at::Tensor& out);

// IoError naming place(), `name`, which is not among tensors(), and the nearest name that is.
[[noreturn]] void throw_missing_tensor(const TensorSource& source, const std::string& name);

// read() for weights that are going to be used: ConfigError naming place() and the tensor when a value is NaN or
// infinite, or becomes so in the dtype of `out`.
void read_finite(const TensorSource& source, const std::string& name, int64_t begin, const at::Tensor& out);

ShapeByName shapes_of(const TensorSource& source);

// A line for every tensor that is missing, surplus or of another shape than `shapes` says.
std::vector<std::string> tensor_problems(const TensorSource& source, const ShapeByName& shapes);

// ConfigError naming place() and every tensor that is missing, surplus or of another shape than `shapes` says.
void require_tensors(const TensorSource& source, const ShapeByName& shapes);

// XXH3-128, 32 hexadecimal digits, over every tensor in the order of their names: a line
// "{bytes of the name} {name} {dtype as safetensors has it} {shape, comma-separated}\n", then the tensor's bytes. The
// same for one file and for the shards of a checkpoint.
std::string digest_of(const TensorSource& source);

}  // namespace fgm
