#include "launch/job/distill_start.h"

#include <spdlog/spdlog.h>

#include "core/base/error.h"
#include "core/train/roles.h"
#include "data/pipeline/store_batch_source.h"
#include "launch/coordinator/resume.h"
#include "launch/job/distill_networks.h"
#include "launch/job/training_run.h"
#include "launch/runtime/run_folder.h"
#include "launch/text/text_encoder.h"
#include "launch/weights/decoder.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

// Whether the path of `key` is missing where it may be: a plan is made before weights and store are there, and notes
// what is missing instead of opening it. What the command line names must be there.
bool is_missing(const std::string& key, const std::string& path, const StartContext& context, DistillStart& start) {
  std::error_code ignored;
  const bool is_unset = path.empty();
  const bool is_there = !is_unset && fs::status(path, ignored).type() != fs::file_type::not_found;
  if (is_there || !context.may_lack || !context.may_lack(key)) return false;
  start.missing.push_back(is_unset ? fmt::format("{} is not set", key)
                                   : fmt::format("{} = {} is not there yet", key, path));
  return true;
}

void open_teacher(const StartContext& context, DistillStart& start) {
  Config& config = start.config;
  require<ConfigError>(!config.teacher.weights.empty(),
                       "teacher.weights is not set; give the run folder of `fgm train`, or Stable Diffusion 3 weights");
  const auto place = context.find_weights(config.teacher.weights, role::kTeachers);
  start.teacher = open_weights(place);
  adopt_teacher_settings(*start.teacher, config);
  require_network(config.model, *start.teacher->source);
  if (config.run.sample_every == 0) return;
  start.decoder = find_decoder(config.sample.vae, place.path, *start.teacher);
  if (start.decoder || !makes_latents(config.model)) return;
  spdlog::warn("no sample grids: there is no autoencoder for the latents (sample.vae)");
  config.run.sample_every = 0;
}

// Opens the weights that student and estimator start from: method.init's, or the teacher's.
void open_start(const StartContext& context, DistillStart& start) {
  const std::string& init = start.config.method.init;
  if (init.empty()) {
    if (start.teacher) start.start = *start.teacher;
    return;
  }
  start.start = open_weights(context.find_weights(init, role::kStudentsThenTeachers));
  if (start.teacher) require_network(start.config.model, *start.start.source);
}

void choose_sample_shape(DistillStart& start) {
  const MethodConfig& method = start.config.method;
  const auto& shape = start.teacher->info.sample_shape;
  if (method.sample_size > 0) {
    start.sample_shape = {shape[0], method.sample_size, method.sample_size};
    check_image_size(start.config.model, method.sample_size, method.sample_size, "method.sample_size");
    return;
  }
  const auto& of_start = start.start.info.sample_shape;
  require<ConfigError>(of_start == shape,
                       "method.init = {} makes images of {}, the teacher of {}; method.sample_size can say which",
                       method.init, fmt::join(of_start, " x "), fmt::join(shape, " x "));
  start.sample_shape = shape;
  check_image_size(
      start.config.model, shape[1], shape[2],
      fmt::format("{}: its sample size (method.sample_size is another choice)", start.teacher->source->place()));
}

}  // namespace

DistillStart check_distillation(const Config& given, const StartContext& context) {
  DistillStart start{.config = given};
  const Config& config = start.config;
  const bool has_run = !config.run.dir.empty();  // the folder is made by the start
  if (has_run || !is_missing("run.dir", "", context, start)) check_run_folder(config);
  if (!is_missing("data.store", config.data.store, context, start)) start.store = open_store(config.data);
  if (!is_missing("teacher.weights", config.teacher.weights, context, start)) open_teacher(context, start);
  open_start(context, start);
  if (start.teacher) choose_sample_shape(start);
  if (start.store) {
    // A plan may be for more ranks than there are now.
    const int64_t num_ranks = std::max(context.num_ranks, config.mesh.shard);
    check_batches(*start.store, {.global_batch = config.method.batch, .world = num_ranks, .needs_images = false});
    const bool is_fixed = start.teacher && !start.teacher->is_external;
    check_captions(start.store->prompts(), config.text, start.store->path().string(), is_fixed);
  }
  if (start.missing.empty()) {
    check_resume(context, saved_run(start), config.method.steps);
  } else if (config.run.resume != "never") {
    resume_candidates("", config.run.resume);  // requires that a PATH is there
  }
  return start;
}

SavedRun saved_run(const DistillStart& start) {
  const Config& config = start.config;
  return {.command = "distill",
          .config = config,
          .sample_shape = start.sample_shape,
          .threads = 1,
          .store = start.store->path().string(),
          .store_size = start.store->size(),
          .samples_per_step = config.method.batch * (config.method.estimator_steps + 1),
          .teacher = std::nullopt};
}

}  // namespace fgm
