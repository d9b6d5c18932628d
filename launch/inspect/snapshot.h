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

// A tensor of a snapshot: what of it can be read.
struct SnapshotTensor {
  std::string role;
  std::string name;
  at::ScalarType dtype = at::kFloat;  // Undefined: of one that is not read (TensorInfo::unread_dtype)
  std::string dtype_name;             // safetensors'
  std::vector<int64_t> shape;         // of the whole
  int64_t num_bytes = 0;              // of the whole
  // The elements that files hold, ascending. Neighbouring slices are one range, so that statistics do not depend on how
  // the tensor was cut.
  std::vector<Range> held = {};
  std::shared_ptr<const TensorSource> source = nullptr;  // of the tensor's role

  int64_t num_elements() const { return c10::multiply_integers(shape); }
  int64_t num_missing() const;  // elements that no file holds
  // The elements that read() may be asked for.
  std::vector<Range> readable() const;

  // Copies elements [begin, begin + out.numel()), all of which are readable, into the 1-D `out`.
  void read(int64_t begin, const at::Tensor& out) const { source->read(name, begin, out); }
};

// The tensors of a file or of a checkpoint, and what else is known of the run that wrote them.
struct Snapshot {
  std::filesystem::path path;
  std::vector<SnapshotTensor> tensors = {};  // role by role, in the order of the forward pass where the config tells it
  std::string config = {};                   // INI text; "" where it is not known
  std::vector<std::string> problems = {};    // of a checkpoint's files
  std::optional<Manifest> manifest = {};     // of a checkpoint
};

// A file's tensors in their order there; their role is its metadata's "fgm.role" or "role", or "weights" without these.
Snapshot snapshot_of(std::shared_ptr<const SafetensorsFile> file);

// A checkpoint's tensors, after open_tensors(). Without a manifest nobody knows how the files' tensors fit together, so
// each is shown as it lies in its file: a shard's role is then its file's name, "student-00001-of-00002".
Snapshot snapshot_of(const StepFolder& folder);

}  // namespace fgm
