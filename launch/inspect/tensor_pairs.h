#pragma once

#include <string>
#include <utility>
#include <vector>

#include "launch/inspect/snapshot.h"

namespace fgm {

// Which tensors of two snapshots are to be compared; the snapshots must outlive it.
struct TensorPairs {
  std::vector<std::pair<const SnapshotTensor*, const SnapshotTensor*>> both;  // in a's order
  std::vector<const SnapshotTensor*> only_in_a;
  std::vector<const SnapshotTensor*> only_in_b;
};

// Pairs tensors of the same role and name; of the same name, where both sides hold a single role. Of a checkpoint that
// is compared with a file only the file's role counts; ConfigError naming the roles when it has no such role.
TensorPairs pair_tensors(const Snapshot& a, const Snapshot& b);

}  // namespace fgm
