#include <spdlog/spdlog.h>

#include "core/base/error.h"
#include "core/fgm/fgm_step.h"
#include "core/fgm/roles.h"
#include "data/pipeline/store_batch_source.h"
#include "data/text/hashed_word_encoder.h"
#include "launch/cli/commands.h"
#include "launch/cli/distill_networks.h"
#include "launch/cli/generate.h"
#include "launch/cli/training_run.h"
#include "launch/coordinator/consensus.h"
#include "launch/runtime/run_folder.h"

namespace fgm {
namespace {

constexpr size_t kGridPictures = 16;
const std::vector<std::string> kTeacherRoles = {"teacher_ema", "teacher"};

// What student and estimator start from: method.init's weights, or the teacher's.
WeightsPlace find_start(const Config& config, const WeightsPlace& teacher, World& world) {
  if (config.method.init.empty()) return teacher;
  return find_weights(config.method.init, {"student_ema", "student", "teacher_ema", "teacher"}, world.control());
}

void require_same_pictures(const std::string& init, const WeightsInfo& start, const WeightsInfo& teacher) {
  require<ConfigError>(start.sample_shape == teacher.sample_shape,
                       "method.init = {} draws pictures of {}, the teacher of {}", init,
                       fmt::join(start.sample_shape, " x "), fmt::join(teacher.sample_shape, " x "));
}

Manifest::Teacher describe_teacher(const OpenWeights& teacher, World& world) {
  const std::string digest = world.is_first() ? digest_of(*teacher.source) : "";
  return {.path = teacher.source->place(), .xxh128 = broadcast_text(world.control(), digest)};
}

PictureDrawer grid_drawer(const Config& config, VelocityModel& student, const TextEncoder& encoder, const Store& store,
                          const std::vector<int64_t>& sample_shape, at::Device device) {
  const std::span<const std::string> prompts = store.prompts();
  return {student,
          encoder,
          prompts.first(std::min(kGridPictures, prompts.size())),
          {.is_one_step = true,
           .init_time = config.method.init_time,
           .seed = static_cast<uint64_t>(config.run.seed),
           .sample_shape = sample_shape,
           .device = device}};
}

int distill_on(World& world, const Invocation& invocation) {
  Config config = invocation.config;
  const auto store = open_store(config.data);
  const WeightsPlace teacher_place = find_weights(config.teacher.weights, kTeacherRoles, world.control());
  const OpenWeights teacher = open_weights(teacher_place);
  // The networks and their text conditioning are the teacher's, whatever the config's own sections say.
  config.model = teacher.info.config.model;
  config.text = teacher.info.config.text;
  const OpenWeights start = open_weights(find_start(config, teacher_place, world));
  require_same_pictures(config.method.init, start.info, teacher.info);
  spdlog::info("teacher {} (step {}); {}: {} captions", teacher.source->place(), teacher.info.step,
               store->path().string(), store->size());
  if (invocation.is_dry_run) return kExitDone;

  const auto seed = static_cast<uint64_t>(config.run.seed);
  const auto& shape = teacher.info.sample_shape;
  DistillNetworks networks(world, config, *teacher.source, *start.source);
  FgmStep step({networks.teacher(), networks.student(), networks.estimator()},
               {.seed = seed,
                .method = config.method,
                .sample_shape = shape,
                .tensors = at::TensorOptions().dtype(at::kFloat).device(world.device()),
                .sum_over_ranks = sum_over(world.control())});
  const auto encoder = std::make_shared<const HashedWordEncoder>(config.text);
  StoreBatchSource source(store, encoder,
                          {.global_batch = config.method.batch,
                           .rank = world.rank(),
                           .world = world.size(),
                           .seed = seed,
                           .needs_images = false,
                           .prefetch = config.data.prefetch});
  const PictureDrawer drawer = grid_drawer(config, networks.student().model(), *encoder, *store, shape, world.device());
  return run_training(world,
                      {.num_steps = config.method.steps,
                       .step = &step,
                       .networks = {{std::string(role::kStudent), &networks.student()},
                                    {std::string(role::kEstimator), &networks.estimator()}},
                       .run = {.phase = "distill",
                               .weights = {.role = "", .step = 0, .sample_shape = shape, .config = config},
                               .threads = world.num_threads(),
                               .store = store->path().string(),
                               .store_size = store->size(),
                               .samples_per_step = config.method.batch * step.batches_per_step(),
                               .teacher = describe_teacher(teacher, world)},
                       .draw = [&] { return draw_with_average(networks.student(), drawer); }},
                      source);
}

int distill(const Invocation& invocation) {
  require<ConfigError>(!invocation.config.teacher.weights.empty(),
                       "teacher.weights is not set; give a safetensors file or the run folder of `fgm train`");
  check_run_folder(invocation.config);
  World world(invocation.config);
  const int code = distill_on(world, invocation);
  world.close();
  return code;
}

}  // namespace

Command distill_command() {
  return {.name = "distill",
          .help = "distils a teacher into a one-step student with FGM; needs captions, no images",
          .run = distill,
          .sections = {"run", "mesh", "parallel", "data", "teacher", "method", "student", "estimator"},
          .flags = {steps_flag("method.steps"),
                    {"init", "WEIGHTS", "weights that student and estimator start from", "method.init"}},
          .is_parallel = true};
}

}  // namespace fgm
