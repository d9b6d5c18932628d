#include "launch/coordinator/state_snapshot.h"

#include <utility>

#include "core/base/error.h"
#include "core/base/version.h"
#include "core/config/fields.h"
#include "launch/checkpoint/checkpoints_folder.h"

namespace fgm {
namespace {

void add_slice(StateSlice slice, std::vector<StateSlice>& slices) {
  if (slice.values.numel() > 0) slices.push_back(std::move(slice));
}

std::map<std::string, std::vector<StateSlice>> slices_by_part(const SavedNetwork& network, bool has_buffers) {
  std::map<std::string, std::vector<StateSlice>> parts;
  for (const StateSlice& slice : network.engine->state()) add_slice(slice, parts[slice.part]);
  if (!has_buffers) return parts;
  for (auto& [part, slices] : parts) {
    if (part == kOptimizerPart) continue;
    network.engine->model().visit_buffers([&, &part = part, &slices = slices](const std::string& name, at::Tensor& t) {
      add_slice({part, name, t.sizes().vec(), 0, t.view(-1)}, slices);
    });
  }
  return parts;
}

std::map<std::string, std::string> metadata_of(const std::string& part, const WeightsInfo& info) {
  if (part != kOptimizerPart) return info.to_metadata();
  return {{"format", "pt"}, {kRoleKey, info.role}, {kStepKey, std::to_string(info.step)}};
}

}  // namespace

Manifest manifest_head(const SavedRun& run) {
  Manifest m;
  m.version = version();
  m.command = run.command;
  m.seed = run.config.run.seed;
  m.threads = run.threads;
  m.config = to_ini(run.config);
  m.data = {run.store, run.store_size, 0, 0, run.captions_xxh128};
  m.teacher = run.teacher;
  return m;
}

std::string role_of(const std::string& network, const std::string& part) {
  return part.empty() ? network : network + "_" + part;
}

StateSnapshot take_snapshot(Manifest manifest, const std::vector<SavedNetwork>& networks, MeshCoordinate coordinate,
                            const WeightsInfo& weights) {
  for (const auto& network : networks) manifest.updates[network.role] = network.engine->num_updates();
  StateSnapshot snapshot{std::move(manifest), {}};
  if (coordinate.replicate != 0) return snapshot;
  const int shard = coordinate.shard, num_shards = snapshot.manifest.mesh.shard;
  WeightsInfo info = weights;
  info.step = snapshot.manifest.step;
  for (const SavedNetwork& network : networks) {
    for (auto& [part, slices] : slices_by_part(network, shard == 0)) {
      if (slices.empty()) continue;
      info.role = role_of(network.role, part);
      auto metadata = metadata_of(part, info);
      metadata[kShardKey] = fmt::format("{}/{}", shard, num_shards);
      snapshot.files.push_back(
          {shard_file_name(info.role, shard, num_shards), info.role, std::move(metadata), std::move(slices)});
    }
  }
  return snapshot;
}

}  // namespace fgm
