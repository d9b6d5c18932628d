#include <ATen/Parallel.h>
#include <spdlog/spdlog.h>

#include "core/base/error.h"
#include "core/fgm/fgm_step.h"
#include "core/fgm/roles.h"
#include "core/models/model_factory.h"
#include "data/pipeline/store_batch_source.h"
#include "data/text/hashed_word_encoder.h"
#include "launch/cli/commands.h"
#include "launch/cli/generate.h"
#include "launch/cli/training_run.h"
#include "launch/runtime/run_folder.h"
#include "parallel/optim/local_engine.h"

namespace fgm {
namespace {

constexpr size_t kGridPictures = 16;
const std::vector<std::string> kTeacherRoles = {"teacher_ema", "teacher"};

// Student and estimator start from the same weights: method.init's, or the teacher's.
LoadedModel load_start(const Config& config, const LoadedModel& teacher, at::Device device) {
  if (config.method.init.empty()) return load_model(teacher.place.path, {teacher.place.role}, device);
  LoadedModel start = load_model(config.method.init, {"student_ema", "student", "teacher_ema", "teacher"}, device);
  require<ConfigError>(start.info.sample_shape == teacher.info.sample_shape,
                       "method.init = {} draws pictures of {}, the teacher of {}", start.place.path.string(),
                       fmt::join(start.info.sample_shape, " x "), fmt::join(teacher.info.sample_shape, " x "));
  return start;
}

int distill(const Invocation& invocation) {
  Config config = invocation.config;
  require<ConfigError>(!config.teacher.weights.empty(),
                       "teacher.weights is not set; give a safetensors file or the run folder of `fgm train`");
  check_run_folder(config);
  require_unused_run(config.run);
  const at::Device device = prepare_device(config.run);
  const auto store = open_store(config.data);
  const LoadedModel teacher = load_model(config.teacher.weights, kTeacherRoles, device);
  // The networks and their text conditioning are the teacher's, whatever the config's own sections say.
  config.model = teacher.info.config.model;
  config.text = teacher.info.config.text;
  const LoadedModel student = load_start(config, teacher, device);
  const LoadedModel estimator = load_start(config, teacher, device);
  spdlog::info("teacher {} (step {}): {} parameters; {}: {} captions", teacher.place.path.string(), teacher.info.step,
               num_parameters(*teacher.model), store->path().string(), store->size());
  if (invocation.is_dry_run) return kExitDone;

  const MethodConfig& method = config.method;
  const auto seed = static_cast<uint64_t>(config.run.seed);
  const auto tensors = at::TensorOptions().dtype(at::kFloat).device(device);
  LocalEngine student_engine(*student.model, method.student), estimator_engine(*estimator.model, method.estimator);
  FgmStep step({*teacher.model, student_engine, estimator_engine},
               {.seed = seed, .method = method, .sample_shape = teacher.info.sample_shape, .tensors = tensors});
  const auto encoder = std::make_shared<const HashedWordEncoder>(config.text);
  StoreBatchSource source(
      store, encoder,
      {.global_batch = method.batch, .seed = seed, .needs_images = false, .prefetch = config.data.prefetch});
  const std::span<const std::string> prompts = store->prompts();
  const auto draw = [&] {
    at::Tensor pictures;
    student_engine.with_ema([&] {
      pictures = draw_pictures(*student.model, *encoder, prompts.first(std::min(kGridPictures, prompts.size())),
                               {.is_one_step = true,
                                .init_time = method.init_time,
                                .seed = seed,
                                .sample_shape = teacher.info.sample_shape,
                                .device = device},
                               [](int64_t) { return false; });
    });
    return pictures;
  };
  return run_training(
      config,
      {.label = "distill",
       .num_steps = method.steps,
       .step = &step,
       .networks = {{std::string(role::kStudent), &student_engine}, {std::string(role::kEstimator), &estimator_engine}},
       .saved = {.phase = "distill",
                 .weights = {.role = "", .step = 0, .sample_shape = teacher.info.sample_shape, .config = config},
                 .threads = at::get_num_threads(),
                 .store = store->path().string(),
                 .store_size = store->size(),
                 .samples_per_step = method.batch * step.batches_per_step(),
                 .teacher =
                     Manifest::Teacher{teacher.place.path.string(), digest_of(*open_weights(teacher.place).source)}},
       .draw = draw},
      source);
}

}  // namespace

Command distill_command() {
  return {.name = "distill",
          .help = "distils a teacher into a one-step student with FGM; needs captions, no images",
          .run = distill,
          .sections = {"run", "data", "teacher", "method", "student", "estimator"},
          .flags = {steps_flag("method.steps"),
                    {"init", "WEIGHTS", "weights that student and estimator start from", "method.init"}}};
}

}  // namespace fgm
