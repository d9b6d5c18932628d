#include <spdlog/spdlog.h>

#include <set>

#include "core/base/error.h"
#include "core/methods/distill_monitor.h"
#include "core/methods/distill_step.h"
#include "core/methods/regression_step.h"
#include "core/train/roles.h"
#include "data/pipeline/store_batch_source.h"
#include "launch/cli/commands.h"
#include "launch/cli/output.h"
#include "launch/cli/plan_report.h"
#include "launch/job/distill_networks.h"
#include "launch/job/distill_plan.h"
#include "launch/job/distill_start.h"
#include "launch/job/held_out_scores.h"
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

// The step that method.loss asks for; `networks` and `phases` must outlive it.
std::unique_ptr<Step> make_step(DistillNetworks& networks, const DistillStart& start, World& world,
                                PhaseListener* phases) {
  const MethodConfig& method = start.config.method;
  const auto tensors = at::TensorOptions().dtype(at::kFloat).device(world.device());
  const auto sum_over_ranks = sum_over(world.control());
  if (method.is_regression()) {
    return std::make_unique<RegressionStep>(
        networks.student(),
        RegressionOptions{.method = method, .tensors = tensors, .sum_over_ranks = sum_over_ranks, .phases = phases});
  }
  return std::make_unique<DistillStep>(DistillTrio{networks.teacher(), networks.student(), networks.estimator()},
                                       DistillOptions{.seed = static_cast<uint64_t>(start.config.run.seed),
                                                      .method = method,
                                                      .sample_shape = start.sample_shape,
                                                      .tensors = tensors,
                                                      .sum_over_ranks = sum_over_ranks,
                                                      .phases = phases});
}

void log_data(const DistillStart& start) {
  spdlog::info("teacher {} (step {}); {}: {} captions", start.teacher->source->place(), start.teacher->info.step,
               start.captions->place, start.captions->texts->size());
  if (!start.config.method.is_regression()) return;
  const auto made = [&](const char* key) {
    return start.stores->stores()[0].provenance().value(key, nlohmann::json()).dump();
  };
  spdlog::info("regression towards what the teacher {} made of noise in {} steps at guidance {}: no data but captions",
               made("weights"), made("steps"), made("guidance"));
}

int distill_on(World& world, const Config& given) {
  const DistillStart start = check_distillation(given, context_of(world, /*is_dry_run=*/false));
  const Config& config = start.config;
  const TensorSource& teacher = *start.teacher->source;
  require_memory(distill_needs(config, start.sample_shape, ranks_on_host(world)));
  log_data(start);
  require_same_data(world, config.method.captions_key(), start.captions->digest, start.held_out.get(), config);
  SavedRun saved = saved_run(start);
  saved.threads = world.num_threads();
  saved.teacher = {.path = teacher.place(), .xxh128 = agreed_digest(teacher, world)};
  std::set<const TensorSource*> agreed = {&teacher};
  const auto source_of = [&](const std::optional<OpenWeights>& weights) -> const TensorSource* {
    if (!weights) return nullptr;
    if (agreed.insert(weights->source.get()).second) agreed_digest(*weights->source, world);
    return weights->source.get();
  };
  const auto decoder = load_decoder(start.decoder, world.device());

  PhaseTimer timer;
  const DistillWeights weights{teacher, source_of(start.student), source_of(start.estimator)};
  DistillNetworks networks(world, config, weights, &timer);
  const auto step = make_step(networks, start, world, &timer);
  const std::shared_ptr<const TextEncoder> encoder = make_text_encoder(config.text, world.device());
  StoreBatchSource source = batch_source(start, encoder, world);
  const ImageSampler sampler(networks.student().model(), *encoder,
                             {.student = generator_of(config.method),
                              .sample_shape = start.sample_shape,
                              .decoder = decoder.get(),
                              .device = world.device()});
  // All ranks sample the same images together, no more at once than a rank trains on.
  const int64_t max_images = config.method.batch / world.size();
  const auto shown = shown_captions(*start.captions->texts, config.text, *encoder);
  const ImageJob grid = grid_job(sampler, shown, config.run, max_images);
  std::optional<HeldOutScores> scores;
  if (start.held_out) scores.emplace(*start.held_out, sampler, static_cast<uint64_t>(config.run.seed), max_images);
  DistillMonitor monitor;
  std::vector<SavedNetwork> saved_networks = {{std::string(role::kStudent), &networks.student()}};
  if (!config.method.is_regression()) {
    saved_networks.push_back({std::string(role::kEstimator), &networks.estimator()});
  }
  return run_training(world,
                      {.num_steps = config.method.steps,
                       .step = step.get(),
                       .timer = &timer,
                       .networks = saved_networks,
                       .saved = std::move(saved),
                       .monitor = &monitor,
                       .sample_images = [&] { return sample_with_average(networks.student(), grid); },
                       .scores = [&] { return scores->of(networks.student(), config.method.student.ema); }},
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
          .help = "distils a teacher into a student of one or a few steps; most losses need captions alone",
          .run = distill,
          .sections = {"run", "mesh", "parallel", "data", "text", "teacher", "method", "student", "estimator"},
          .flags = {steps_flag("method.steps"),
                    {"init", "WEIGHTS", "weights that student and estimator start from", "method.init"}},
          .is_parallel = true};
}

}  // namespace fgm
