#include "launch/coordinator/weights_save_point.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <utility>

#include "core/base/error.h"
#include "core/fgm/roles.h"
#include "core/io/atomic_file.h"
#include "core/io/safetensors.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

}  // namespace

WeightsSavePoint::WeightsSavePoint(fs::path checkpoints, int64_t keep, std::vector<SavedNetwork> networks,
                                   WeightsInfo description)
    : checkpoints_(std::move(checkpoints)),
      keep_(keep),
      networks_(std::move(networks)),
      description_(std::move(description)) {}

void WeightsSavePoint::save(int64_t step) {
  const fs::path unfinished = checkpoints_ / fmt::format(".tmp-{}-{}", step, ::getpid());
  try {
    fs::remove_all(unfinished);
    fs::create_directories(unfinished);
    for (const auto& network : networks_) write_network(network, step, unfinished);
    fs::rename(unfinished, checkpoints_ / step_folder_name(step));
    sync_to_disk(checkpoints_);
    remove_old();
  } catch (const fs::filesystem_error& error) {
    std::error_code ignored;
    fs::remove_all(unfinished, ignored);
    throw IoError(
        fmt::format("{}: step {} could not be saved: {}", checkpoints_.string(), step, error.code().message()));
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(unfinished, ignored);
    throw;
  }
  spdlog::info("saved step {} to {}", step, (checkpoints_ / step_folder_name(step)).string());
}

void WeightsSavePoint::write_network(const SavedNetwork& network, int64_t step, const fs::path& folder) const {
  std::map<std::string, std::vector<NamedTensor>> files;  // by role
  for (const StateSlice& slice : network.engine->state()) {
    if (slice.part == "optim") continue;
    const std::string role = slice.part == "ema" ? network.role + std::string(role::kEmaSuffix) : network.role;
    files[role].push_back({slice.name, slice.values.view(slice.shape)});
  }
  for (auto& [role, tensors] : files) {
    network.engine->model().visit_buffers([&](const std::string& name, at::Tensor& tensor) {
      tensors.push_back({name, tensor});
    });
    WeightsInfo info = description_;
    info.role = role;
    info.step = step;
    write_safetensors(folder / role_file_name(role), tensors, info.to_metadata());
  }
}

void WeightsSavePoint::remove_old() const {
  if (keep_ == 0) return;
  auto steps = saved_steps(checkpoints_);
  while (static_cast<int64_t>(steps.size()) > keep_) {
    fs::remove_all(checkpoints_ / step_folder_name(steps.front()));
    steps.erase(steps.begin());
  }
}

}  // namespace fgm
