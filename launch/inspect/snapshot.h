#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/io/tensor_source.h"
#include "launch/checkpoint/step_folder.h"
#include "launch/inspect/tensor_stats.h"

namespace fgm {

// A tensor of a snapshot, put together from the slices of it that can be read.
struct SnapshotTensor {
  struct Piece {
    std::shared_ptr<const TensorSource> file;
    ElementRange range;  // of the whole tensor; in the file these are all its elements
  };

  std::string role;
  std::string name;
  at::ScalarType dtype = at::kFloat;  // Undefined: of one that is not read (TensorInfo::unread_dtype)
  std::string dtype_name;             // safetensors'
  std::vector<int64_t> shape;         // of the whole
  int64_t num_bytes = 0;              // of the whole
  std::vector<Piece> pieces = {};     // ascending

  int64_t num_elements() const { return c10::multiply_integers(shape); }
  // Neighbouring pieces are one range, so that statistics do not depend on how the tensor was cut.
  std::vector<ElementRange> readable() const;
  int64_t num_missing() const;  // elements that no piece holds

  // Copies elements [begin, begin + out.numel()), all of which are readable, into the 1-D `out`.
  void read(int64_t begin, const at::Tensor& out) const;
};

// The tensors of a file or of a checkpoint, and what else is known of the run that wrote them.
struct Snapshot {
  std::filesystem::path path;
  std::vector<SnapshotTensor> tensors = {};  // role by role, in the order of the forward pass where the config tells it
  std::string config = {};                   // INI text; "" where it is not known
  std::vector<std::string> problems = {};    // of a checkpoint's files
  std::optional<Manifest> manifest = {};     // of a checkpoint
};

// Tensors in the order of the file; their role is its metadata's "fgm.role" or "role", else "weights".
Snapshot snapshot_of(std::shared_ptr<const SafetensorsFile> file);

// After open_tensors(). Without a manifest nobody knows how the files' tensors fit together, so each is shown as it
// lies in its file: a shard's role is then its file's name, "student-00001-of-00002".
Snapshot snapshot_of(const StepFolder& folder);

}  // namespace fgm
