#include "launch/job/start_checks.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "core/base/error.h"
#include "data/text/hashed_word_encoder.h"
#include "launch/coordinator/restart_guard.h"
#include "launch/coordinator/resume_point.h"
#include "launch/runtime/run_folder.h"
#include "parallel/comm/control_collectives.h"

namespace fgm {
namespace {

// Its first words, where it is long.
std::string beginning_of(const std::string& caption) {
  constexpr size_t kShown = 100;
  if (caption.size() <= kShown) return caption;
  const size_t blank = caption.rfind(' ', kShown);
  return caption.substr(0, blank == std::string::npos ? kShown : blank) + " ...";
}

}  // namespace

StartContext context_of(World& world, bool is_dry_run) {
  const Digests digests = is_dry_run ? Digests::kIgnored : Digests::kCompared;
  return {.num_ranks = world.size(),
          .find_weights = [&world, digests](
                              const auto& path,
                              const auto& roles) { return find_weights(path, roles, world.control(), digests); },
          .once = [&world](const auto& body) { on_first_rank(world.control(), body); },
          .is_dry_run = is_dry_run};
}

StartContext context_of_plan(int64_t num_ranks, const std::set<std::string>& given_keys) {
  return {
      .num_ranks = num_ranks,
      .find_weights = [](const auto& path, const auto& roles) { return find_weights(path, roles, Digests::kIgnored); },
      .once = [](const auto& body) { body(); },
      .is_dry_run = true,
      .may_lack = [given_keys](const std::string& key) { return !given_keys.contains(key); }};
}

void check_captions(std::span<const std::string> captions, const TextConfig& text, const std::string& place,
                    bool is_fixed) {
  const LongCaptions found = find_long_captions(captions, text.num_tokens);
  if (found.count == 0) return;
  const std::string advice = is_fixed ? "the weights were trained with that number: give shorter captions"
                                      : fmt::format("text.num_tokens = {} would do for all of them", found.most_words);
  throw ConfigError(fmt::format("{}: {} of {} captions are longer than text.num_tokens = {} words; the first: '{}'; {}",
                                place, found.count, captions.size(), text.num_tokens, beginning_of(found.first),
                                advice));
}

void check_image_size(const ModelConfig& model, int64_t height, int64_t width, const std::string& what) {
  const int64_t patch = model.patch_size, most = model.pos_embed_max_size;
  require<ConfigError>(height >= patch && width >= patch && height % patch == 0 && width % patch == 0,
                       "{}: {} x {} cannot be cut into patches of model.patch_size = {}; give multiples of that", what,
                       height, width, patch);
  require<ConfigError>(std::max(height, width) / patch <= most,
                       "{}: an image of {} x {} patches does not fit the model's position table of {} x {} "
                       "(model.pos_embed_max_size); give at most {} a side",
                       what, height / patch, width / patch, most, most, most * patch);
}

void check_resume(const StartContext& context, const SavedRun& run, int64_t num_steps) {
  const RunConfig& config = run.weights.config.run;
  const RunFolder folder(config.dir);
  context.once([&] {
    auto point = check_resume(folder.checkpoints(), config.resume, manifest_head(run), num_steps);
    const int64_t done = point ? point->step : 0;
    if (done < num_steps) RestartGuard(folder.restarts_file()).require_progress(done);
    if (!point || !context.is_dry_run) return;
    spdlog::info("it would go on from step {}: {}", point->step, point->folder.string());
    point->differences.notes.clear();  // of ranks and threads, which a dry run does not choose
    log_differences(point->differences, point->step);
  });
}

}  // namespace fgm
