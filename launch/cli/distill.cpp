#include <spdlog/spdlog.h>

#include "core/base/error.h"
#include "core/fgm/fgm_step.h"
#include "core/fgm/roles.h"
#include "core/io/pixels.h"
#include "data/pipeline/store_batch_source.h"
#include "data/text/hashed_word_encoder.h"
#include "launch/cli/commands.h"
#include "launch/cli/decoder.h"
#include "launch/cli/distill_networks.h"
#include "launch/cli/distill_plan.h"
#include "launch/cli/generate.h"
#include "launch/cli/memory_needs.h"
#include "launch/cli/output.h"
#include "launch/cli/training_run.h"
#include "launch/runtime/environment.h"
#include "launch/runtime/run_folder.h"
#include "parallel/comm/consensus.h"

namespace fgm {
namespace {

// What student and estimator start from: method.init's weights, or the teacher's.
WeightsPlace find_start(const Config& config, const WeightsPlace& teacher, World& world) {
  if (config.method.init.empty()) return teacher;
  return find_weights(config.method.init, {"student_ema", "student", "teacher_ema", "teacher"}, world.control());
}

// {C, H, W} of what the student generates.
std::vector<int64_t> sample_shape(const MethodConfig& method, const WeightsInfo& start, const WeightsInfo& teacher) {
  if (method.sample_size > 0) return {teacher.sample_shape[0], method.sample_size, method.sample_size};
  require<ConfigError>(start.sample_shape == teacher.sample_shape,
                       "method.init = {} draws pictures of {}, the teacher of {}; method.sample_size can say which",
                       method.init, fmt::join(start.sample_shape, " x "), fmt::join(teacher.sample_shape, " x "));
  return teacher.sample_shape;
}

// The digest of weights, of which every host may read a copy of its own. ConfigError when copies differ. Collective.
std::string agreed_digest(const TensorSource& weights, World& world) {
  const auto digests = gather_texts(world.control(), world.is_first_on_host() ? digest_of(weights) : "");
  for (size_t rank = 1; rank < digests.size(); ++rank) {
    require<ConfigError>(digests[rank].empty() || digests[rank] == digests[0],
                         "{}: the host of rank {} has other weights there (xxh128 {}) than that of rank 0 (xxh128 {}); "
                         "give all hosts the same",
                         weights.place(), rank, digests[rank], digests[0]);
  }
  return digests[0];
}

// All ranks draw the same pictures together, no more at once than a rank trains on.
PictureDrawer grid_drawer(const Config& config, VelocityModel& student, const TextEncoder& encoder, const Store& store,
                          const std::vector<int64_t>& sample_shape, const Vae* vae, const World& world) {
  const auto captions = grid_captions(store);
  return {student,
          encoder,
          captions,
          {.is_one_step = true,
           .init_time = config.method.init_time,
           .batch = std::min<int64_t>(std::ssize(captions), config.method.batch / world.size()),
           .seed = static_cast<uint64_t>(config.run.seed),
           .sample_shape = sample_shape,
           .vae = vae,
           .device = world.device()}};
}

// The student's pictures need an autoencoder when they are latents; without one there are no sample grids.
std::unique_ptr<Vae> open_grid_decoder(const WeightsPlace& place, const OpenWeights& teacher, World& world,
                                       Config& config) {
  if (config.run.sample_every == 0) return nullptr;
  auto vae = open_decoder(config.sample.vae, place.path, teacher, world.device());
  if (vae == nullptr && teacher.info.sample_shape.at(0) != kPixelChannels) {
    spdlog::warn("no sample grids: there is no autoencoder for the latents (sample.vae)");
    config.run.sample_every = 0;
  }
  return vae;
}

int distill_on(World& world, Config config) {
  const auto store = open_store(config.data);
  const WeightsPlace teacher_place = find_weights(config.teacher.weights, kTeacherRoles, world.control());
  const OpenWeights teacher = open_weights(teacher_place);
  take_over(teacher, config);
  const OpenWeights start = open_weights(find_start(config, teacher_place, world));
  const auto shape = sample_shape(config.method, start.info, teacher.info);
  require_memory(distill_needs(config, shape, needy_ranks(world)));
  spdlog::info("teacher {} (step {}); {}: {} captions", teacher.source->place(), teacher.info.step,
               store->path().string(), store->size());
  const auto vae = open_grid_decoder(teacher_place, teacher, world, config);
  require_same_data(world, *store, config.run);
  const Manifest::Teacher teacher_record{.path = teacher.source->place(),
                                         .xxh128 = agreed_digest(*teacher.source, world)};
  if (!config.method.init.empty()) agreed_digest(*start.source, world);

  const auto seed = static_cast<uint64_t>(config.run.seed);
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
  const PictureDrawer drawer =
      grid_drawer(config, networks.student().model(), *encoder, *store, shape, vae.get(), world);
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
                               .teacher = teacher_record},
                       .draw = [&] { return draw_with_average(networks.student(), drawer); }},
                      source);
}

// Every rank says the same, so the first speaks.
int dry_run(const Invocation& invocation) {
  const Environment environment = read_environment();
  const auto plan = plan_distillation(invocation.config, environment.world);
  if (environment.rank > 0) return kExitDone;
  if (invocation.is_json) {
    print_json(plan);
  } else {
    print_out(plan_text(plan));
  }
  return kExitDone;
}

int distill(const Invocation& invocation) {
  if (invocation.is_dry_run) return dry_run(invocation);
  require<ConfigError>(!invocation.config.teacher.weights.empty(),
                       "teacher.weights is not set; give the run folder of `fgm train`, or Stable Diffusion 3 weights");
  check_run_folder(invocation.config);
  World world(invocation.config);
  const int code = distill_on(world, invocation.config);
  world.close();
  return code;
}

}  // namespace

Command distill_command() {
  return {.name = "distill",
          .help = "distils a teacher into a one-step student with FGM; needs captions, no images",
          .run = distill,
          .sections = {"run", "mesh", "parallel", "data", "text", "teacher", "method", "student", "estimator"},
          .flags = {steps_flag("method.steps"),
                    {"init", "WEIGHTS", "weights that student and estimator start from", "method.init"}},
          .is_parallel = true};
}

}  // namespace fgm
