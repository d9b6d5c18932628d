#pragma once

#include "launch/checkpoint/checkpoint.h"
#include "launch/coordinator/state_snapshot.h"

namespace fgm {

// Sets the state of `network` on this rank (weights, averages, optimizer, update count, the model's buffers) from a
// checkpoint of any number of ranks. ConfigError or IoError when it does not hold what the network needs.
void restore_network(const SavedNetwork& network, const Checkpoint& checkpoint);

}  // namespace fgm
