#include <spdlog/spdlog.h>

#include "core/base/error.h"
#include "core/methods/flow_matching_step.h"
#include "core/models/model_factory.h"
#include "core/train/roles.h"
#include "data/pipeline/store_batch_source.h"
#include "launch/cli/commands.h"
#include "launch/job/held_out_scores.h"
#include "launch/job/memory_needs.h"
#include "launch/job/start_checks.h"
#include "launch/job/training_data.h"
#include "launch/job/training_run.h"
#include "launch/runtime/run_folder.h"
#include "launch/text/text_encoder.h"
#include "launch/weights/decoder.h"
#include "parallel/optim/fsdp_engine.h"

namespace fgm {
namespace {

constexpr int64_t kGridSteps = 28;

// What a training starts from, opened and checked.
struct TrainStart {
  std::shared_ptr<const StoreSet> stores;
  std::vector<int64_t> sample_shape;      // network_shape()
  std::optional<Sd3Vae> vae;              // open_training_vae()'s
  std::shared_ptr<const Store> held_out;  // open_held_out()'s
  BatchSourceOptions batches;
};

BatchSourceOptions batch_options(const Config& config, World& world) {
  return {.global_batch = config.train.batch,
          .rank = world.rank(),
          .world = world.size(),
          .seed = static_cast<uint64_t>(config.run.seed),
          .prefetch = config.data.prefetch,
          .max_bad = config.data.max_bad,
          .wait = wait_unless_stopped(world),
          .is_pinned = world.device().is_cuda()};
}

SavedRun saved_run(const Config& config, const TrainStart& start, World& world) {
  return {.command = "train",
          .config = config,
          .sample_shape = start.sample_shape,
          .threads = world.num_threads(),
          .store = start.stores->place(),
          .store_size = start.stores->size(),
          .samples_per_step = config.train.batch,
          .teacher = std::nullopt};
}

// Opens and checks what a training starts from: see start_checks.h.
TrainStart check_start(Config& config, World& world, const StartContext& context) {
  TrainStart start{.stores = open_stores(config.data),
                   .sample_shape = {},
                   .vae = {},
                   .held_out = {},
                   .batches = batch_options(config, world)};
  const StoreSet& stores = *start.stores;
  check_batches(stores, start.batches);
  const Store& store = stores.stores()[0];  // the others hold images of its size
  start.sample_shape = network_shape(store);
  start.vae = open_training_vae(store, config);
  const auto image = image_shape(start.sample_shape, start.vae ? &start.vae->config : nullptr);
  start.held_out = open_held_out(config.run, config.text, image, /*is_fixed=*/false);
  require_same_data(world, "data.store", stores.digest(), start.held_out.get(), config);
  require_memory(train_needs(config, start.sample_shape, ranks_on_host(world)));
  make_unread_model(config.model);  // refuses sizes that do not fit together
  check_sizes(config.model, store);
  check_captions(stores, config.text, stores.place(), /*is_fixed=*/false);
  check_resume(context, saved_run(config, start, world), config.train.steps);
  return start;
}

int train_on(World& world, Config config, bool is_dry_run) {
  const TrainStart start = check_start(config, world, context_of(world, is_dry_run));
  if (is_dry_run) return kExitDone;

  const auto seed = static_cast<uint64_t>(config.run.seed);
  const auto tensors = at::TensorOptions().dtype(at::kFloat).device(world.device());

  const auto model = make_model(config.model, tensors);
  spdlog::info("teacher: {} parameters; {}: {} images of {} x {}", num_parameters(*model), start.stores->place(),
               start.stores->size(), start.sample_shape[1], start.sample_shape[2]);
  model->initialise(seed);
  PhaseTimer timer;
  FsdpEngine engine(*model, config.train.optimizer, world.mesh(),
                    {.recompute = config.parallel.recompute, .phases = &timer});
  engine.set_trainable(true);
  FlowMatchingStep step(engine, {.seed = seed,
                                 .num_steps = config.train.steps,
                                 .caption_dropout = config.train.caption_dropout,
                                 .time = config.train.time,
                                 .optimizer = config.train.optimizer,
                                 .tensors = tensors,
                                 .sum_over_ranks = sum_over(world.control()),
                                 .phases = &timer});
  const std::shared_ptr<const TextEncoder> encoder = make_text_encoder(config.text, world.device());
  StoreBatchSource source(start.stores, encoder, start.batches);
  const auto decoder = load_decoder(start.vae, world.device());
  const ImageSampler sampler(*model, *encoder,
                             {.steps = kGridSteps,
                              .guidance = config.sample.guidance,
                              .sample_shape = start.sample_shape,
                              .decoder = decoder.get(),
                              .device = world.device()});
  const auto shown = shown_captions(*start.stores, config.text, *encoder);
  const ImageJob grid = grid_job(sampler, shown, config.run, kGridImages);
  std::optional<HeldOutScores> scores;
  if (start.held_out) scores.emplace(*start.held_out, sampler, seed, config.train.batch / world.size());
  return run_training(world,
                      {.num_steps = config.train.steps,
                       .step = &step,
                       .timer = &timer,
                       .networks = {{std::string(role::kTeacher), &engine}},
                       .saved = saved_run(config, start, world),
                       .monitor = nullptr,
                       .sample_images = [&] { return sample_with_average(engine, grid); },
                       .scores = [&] { return scores->of(engine, config.train.optimizer.ema); }},
                      source);
}

int train(const Invocation& invocation) {
  Config config = invocation.config;
  config.text = with_encoders(config.text);
  config.validate();
  check_run_folder(config);
  World world(config);
  const int code = train_on(world, config, invocation.is_dry_run);
  world.close();
  return code;
}

}  // namespace

Command train_command() {
  return {.name = "train",
          .help = "trains a many-step teacher on a store of images, or of their latents, by flow matching",
          .run = train,
          .sections = {"run", "mesh", "parallel", "data", "text", "model", "train", "optimizer", "sample"},
          .flags = {steps_flag("train.steps")},
          .is_parallel = true};
}

}  // namespace fgm
