#include <spdlog/spdlog.h>

#include "core/base/error.h"
#include "core/methods/distill_step.h"
#include "core/train/roles.h"
#include "data/pipeline/store_batch_source.h"
#include "launch/cli/commands.h"
#include "launch/cli/output.h"
#include "launch/cli/plan_report.h"
#include "launch/job/distill_networks.h"
#include "launch/job/distill_plan.h"
#include "launch/job/distill_start.h"
#include "launch/job/memory_needs.h"
#include "launch/job/training_run.h"
#include "launch/runtime/environment.h"
#include "launch/text/text_encoder.h"
#include "launch/weights/decoder.h"
#include "parallel/comm/control_collectives.h"

namespace fgm {
namespace {

// The digest of weights, of which every host may read a copy of its own. ConfigError when copies differ. Collective.
std::string agreed_digest(const TensorSource& weights, World& world) {
  const auto digests = all_gather_strings(world.control(), world.is_first_on_host() ? digest_of(weights) : "");
  for (size_t rank = 1; rank < digests.size(); ++rank) {
    require<ConfigError>(digests[rank].empty() || digests[rank] == digests[0],
                         "{}: the host of rank {} has other weights there (xxh128 {}) than that of rank 0 (xxh128 {}); "
                         "give all hosts the same",
                         weights.place(), rank, digests[rank], digests[0]);
  }
  return digests[0];
}

int distill_on(World& world, const Config& given) {
  const DistillStart start = check_distillation(given, context_of(world, /*is_dry_run=*/false));
  const Config& config = start.config;
  const auto& store = start.store;
  const TensorSource& teacher = *start.teacher->source;
  require_memory(distill_needs(config, start.sample_shape, ranks_on_host(world)));
  spdlog::info("teacher {} (step {}); {}: {} captions", teacher.place(), start.teacher->info.step,
               store->path().string(), store->size());
  require_same_data(world, *store, config.run);
  SavedRun saved = saved_run(start);
  saved.threads = world.num_threads();
  saved.teacher = {.path = teacher.place(), .xxh128 = agreed_digest(teacher, world)};
  if (!config.method.init.empty()) agreed_digest(*start.start.source, world);
  const auto decoder = load_decoder(start.decoder, world.device());

  const auto seed = static_cast<uint64_t>(config.run.seed);
  PhaseTimer timer;
  DistillNetworks networks(world, config, teacher, *start.start.source, &timer);
  DistillStep step({networks.teacher(), networks.student(), networks.estimator()},
                   {.seed = seed,
                    .method = config.method,
                    .sample_shape = start.sample_shape,
                    .tensors = at::TensorOptions().dtype(at::kFloat).device(world.device()),
                    .sum_over_ranks = sum_over(world.control()),
                    .phases = &timer});
  const std::shared_ptr<const TextEncoder> encoder = make_text_encoder(config.text);
  StoreBatchSource source(store, encoder,
                          {.global_batch = config.method.batch,
                           .rank = world.rank(),
                           .world = world.size(),
                           .seed = seed,
                           .needs_images = false,
                           .prefetch = config.data.prefetch});
  const ImageSampler sampler(networks.student().model(), *encoder,
                             {.is_one_step = true,
                              .init_time = config.method.init_time,
                              .sample_shape = start.sample_shape,
                              .decoder = decoder.get(),
                              .device = world.device()});
  // All ranks sample the same images together, no more at once than a rank trains on.
  const ImageJob grid = grid_job(sampler, *store, config.run, config.method.batch / world.size());
  return run_training(world,
                      {.num_steps = config.method.steps,
                       .step = &step,
                       .timer = &timer,
                       .networks = {{std::string(role::kStudent), &networks.student()},
                                    {std::string(role::kEstimator), &networks.estimator()}},
                       .saved = std::move(saved),
                       .sample_images = [&] { return sample_with_average(networks.student(), grid); }},
                      source);
}

// Prints the plan, once: every rank makes the same.
int dry_run(const Invocation& invocation) {
  const Environment environment = read_environment();
  const auto start = check_distillation(invocation.config, context_of_plan(environment.world, invocation.given_keys));
  const auto plan = plan_distillation(start, environment.world);
  if (environment.rank > 0) return kExitDone;
  if (invocation.is_json) {
    print_json(plan_json(plan));
  } else {
    print_out(plan_text(plan));
  }
  return kExitDone;
}

int distill(const Invocation& invocation) {
  if (invocation.is_dry_run) return dry_run(invocation);
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
