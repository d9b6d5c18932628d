#include "launch/job/start_checks.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "core/base/error.h"
#include "launch/coordinator/restart_guard.h"
#include "launch/coordinator/resume.h"
#include "launch/runtime/run_folder.h"
#include "parallel/comm/control_collectives.h"

namespace fgm {

WeightsPlace StartContext::find_weights(const std::filesystem::path& path,
                                        const std::vector<std::string>& roles) const {
  if (control == nullptr) return fgm::find_weights(path, roles);
  const WeightsPlace found = fgm::find_weights(path, roles, *control);
  return is_dry_run ? found : verify_weights(found, *control);
}

void StartContext::once(const std::function<void()>& body) const {
  control == nullptr ? body() : on_first_rank(*control, body);
}

StartContext context_of(World& world, bool is_dry_run) {
  return {.num_ranks = world.size(), .control = &world.control(), .is_dry_run = is_dry_run};
}

StartContext context_of_plan(int64_t num_ranks, const std::set<std::string>& given_keys) {
  const auto may_lack = [given_keys](const std::string& key) { return !given_keys.contains(key); };
  return {.num_ranks = num_ranks, .is_dry_run = true, .may_lack = may_lack};
}

void check_image_size(const ModelConfig& model, int64_t height, int64_t width, const std::string& what) {
  if (model.kind == ModelKind::kUNet) {
    const int64_t side = model.unet.image_size;
    require<ConfigError>(height == side && width == side,
                         "{}: {} x {} is not model.image_size = {}, the only size of this U-Net", what, height, width,
                         side);
    return;
  }
  const int64_t patch = model.mmdit.patch_size, most = model.mmdit.pos_embed_max_size;
  require<ConfigError>(height >= patch && width >= patch && height % patch == 0 && width % patch == 0,
                       "{}: {} x {} cannot be cut into patches of model.patch_size = {}; give multiples of that", what,
                       height, width, patch);
  require<ConfigError>(std::max(height, width) / patch <= most,
                       "{}: an image of {} x {} patches does not fit the model's position table of {} x {} "
                       "(model.pos_embed_max_size); give at most {} a side",
                       what, height / patch, width / patch, most, most, most * patch);
}

void check_resume(const StartContext& context, const SavedRun& run, int64_t num_steps) {
  const RunConfig& config = run.config.run;
  const RunFolder folder(config.dir);
  context.once([&] {
    auto point = check_resume(folder.checkpoints(), config.resume, manifest_head(run), num_steps);
    const int64_t done = point ? point->step : 0;
    if (done < num_steps) RestartGuard(folder.restarts_file()).require_progress(done);
    if (!point || !context.is_dry_run) return;
    spdlog::info("it would resume from step {}: {}", point->step, point->folder.string());
    point->differences.notes.clear();  // of ranks and threads, which a dry run does not choose
    log_differences(point->differences, point->step);
  });
}

}  // namespace fgm
