#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/io/tensor_source.h"

namespace fgm {

// The tensors of a file that PyTorch's torch.save() wrote (a zip file, since PyTorch 1.6). A tensor's name is the keys
// that lead to it, joined by points: "ema_model.out.2.weight". Other values are left out. Nothing in the file is run:
// see core/io/pickle.h. The storage that was read last stays in memory: tensors are read in pieces, and may share one.
// IoError naming the file for one that is damaged, whose records are not what their CRC-32 in the zip file is of, that
// asks for Python functions, that holds far more than weights, or a tensor which is not contiguous.
class TorchFile : public TensorSource {
 public:
  explicit TorchFile(const std::filesystem::path& path);
  ~TorchFile() override;

  const std::vector<TensorInfo>& tensors() const override { return tensors_; }
  const std::map<std::string, std::string>& metadata() const override { return metadata_; }  // empty
  std::string place() const override { return path_.string(); }
  // The text, or the texts of a list of nothing else, that the outermost dictionary has at the first of `keys` that it
  // has; empty for anything else. IoError when they are more than 32 MiB. Reads the pickle again.
  std::vector<std::string> texts(std::span<const std::string> keys) const;
  void read(const std::string& name, int64_t begin, const at::Tensor& out) const override;

 private:
  struct Archive;
  std::filesystem::path path_;
  std::unique_ptr<Archive> archive_;
  std::vector<TensorInfo> tensors_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace fgm
