#include "launch/weights/weights_place.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <functional>
#include <ranges>

#include "core/base/error.h"
#include "core/formats/sd3_shapes.h"
#include "core/formats/weight_files.h"
#include "core/io/file.h"
#include "launch/checkpoint/checkpoint.h"
#include "launch/checkpoint/checkpoints_folder.h"
#include "launch/weights/external_folder.h"
#include "parallel/comm/control_collectives.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

// A check of the files that hold a role: of their sizes, or of their digests too.
using Requirement = void (Checkpoint::*)(const std::string& role) const;

WeightsPlace choose_role(const fs::path& folder, const std::vector<std::string>& roles, Requirement requirement) {
  const Checkpoint checkpoint = Checkpoint::open_head(folder);
  const auto held = checkpoint.roles();
  const auto role = std::ranges::find_first_of(roles, held);
  require<ConfigError>(role != roles.end(), "{}: no weights of role {} in it, only {}", folder.string(),
                       fmt::join(roles, ", "), fmt::join(held, ", "));
  (checkpoint.*requirement)(*role);
  return {folder, *role, roles};
}

WeightsPlace choose_step(const fs::path& checkpoints, const std::vector<int64_t>& steps,
                         const std::vector<std::string>& roles, Requirement requirement) {
  for (const int64_t step : std::views::reverse(steps)) {
    try {
      WeightsPlace place = choose_role(checkpoints / step_folder_name(step), roles, requirement);
      place.checkpoints = checkpoints;
      return place;
    } catch (const DamageError& error) {
      spdlog::warn("skipping step {}: {}", step, error.what());
    }
  }
  throw ConfigError(fmt::format("{}: no complete checkpoint in it", checkpoints.string()));
}

// The steps of the run that `found` was chosen from, without those after it: they were damaged, or are newer than the
// choice.
std::vector<int64_t> steps_up_to(const WeightsPlace& found) {
  auto steps = saved_steps(found.checkpoints);
  const auto is_found = [&](int64_t step) { return found.checkpoints / step_folder_name(step) == found.path; };
  const auto chosen = std::ranges::find_if(steps, is_found);
  if (chosen != steps.end()) steps.erase(chosen + 1, steps.end());
  return steps;
}

bool is_sd3_folder(const fs::path& folder) {
  if (fs::exists(folder / "model_index.json") || fs::is_directory(folder / "transformer")) return true;
  const bool is_diffusers = std::ranges::any_of(fs::directory_iterator(folder), [](const fs::directory_entry& entry) {
    return entry.path().filename().string().starts_with("diffusion_pytorch_model");
  });
  ShapeByName indexed;
  for (auto& name : is_diffusers ? std::vector<std::string>() : indexed_tensors(folder)) indexed[std::move(name)] = {};
  return is_diffusers || recognise_sd3(indexed);
}

WeightsPlace choose_on_first_rank(Communicator& control, const std::vector<std::string>& roles,
                                  const std::function<WeightsPlace()>& choose) {
  WeightsPlace chosen;
  on_first_rank(control, [&] { chosen = choose(); });
  return {broadcast_string(control, chosen.path.string()), broadcast_string(control, chosen.role), roles,
          broadcast_string(control, chosen.checkpoints.string())};
}

}  // namespace

WeightsPlace find_weights(const fs::path& path, const std::vector<std::string>& roles) {
  require_no_dangling_link(path);
  require_no_dangling_link(path / "checkpoints");
  require<ConfigError>(fs::exists(path), "{}: no such weights file or run folder", path.string());
  if (!fs::is_directory(path) || is_sd3_folder(path)) return {path, "", roles};
  if (const auto checkpoints = checkpoints_in(path)) {
    warn_of_strays(*checkpoints);
    return choose_step(*checkpoints, saved_steps(*checkpoints), roles, &Checkpoint::require_role);
  }
  if (!fs::exists(path / kManifestFile)) refuse_external_folder(path);
  return choose_role(path, roles, &Checkpoint::require_role);
}

WeightsPlace verify_weights(const WeightsPlace& found) {
  if (found.role.empty()) return found;
  if (found.checkpoints.empty()) {
    Checkpoint::open_head(found.path).verify_role(found.role);
    return found;
  }
  return choose_step(found.checkpoints, steps_up_to(found), found.asked, &Checkpoint::verify_role);
}

WeightsPlace find_weights(const fs::path& path, const std::vector<std::string>& roles, Communicator& control) {
  return choose_on_first_rank(control, roles, [&] { return find_weights(path, roles); });
}

WeightsPlace verify_weights(const WeightsPlace& found, Communicator& control) {
  return choose_on_first_rank(control, found.asked, [&] { return verify_weights(found); });
}

}  // namespace fgm
