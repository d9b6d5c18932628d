#include "launch/coordinator/restore_network.h"

#include "core/base/error.h"
#include "launch/checkpoint/load_slices.h"

namespace fgm {
namespace {

void require_shape(const TensorSource& source, const StateSlice& slice) {
  const auto shape = find_tensor(source, slice.name).shape;
  require<ConfigError>(shape == slice.shape, "{}: {} is {} in the checkpoint and {} in this run", source.place(),
                       slice.name, fmt::join(shape, " x "), fmt::join(slice.shape, " x "));
}

}  // namespace

void restore_network(const SavedNetwork& network, const Checkpoint& checkpoint) {
  const auto& all_updates = checkpoint.manifest().updates;
  const auto updates = all_updates.find(network.role);
  require<IoError>(updates != all_updates.end(), "{}: no network {} in it", checkpoint.folder().string(), network.role);
  std::map<std::string, std::vector<StateSlice>> parts;
  for (const StateSlice& slice : network.engine->state()) parts[slice.part].push_back(slice);
  load_slices(network.engine->model(), parts[""], *checkpoint.source(network.role));
  const at::NoGradGuard no_grad;
  for (const auto& [part, slices] : parts) {
    if (part.empty()) continue;
    const auto source = checkpoint.source(role_of(network.role, part));
    for (const auto& slice : slices) {
      require_shape(*source, slice);
      source->read(slice.name, slice.begin, slice.values);
    }
  }
  network.engine->set_num_updates(updates->second);
}

}  // namespace fgm
