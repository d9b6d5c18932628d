#include <spdlog/spdlog.h>

#include "core/base/error.h"
#include "core/fgm/flow_matching_step.h"
#include "core/fgm/roles.h"
#include "core/models/init.h"
#include "core/models/model_factory.h"
#include "data/pipeline/store_batch_source.h"
#include "data/text/hashed_word_encoder.h"
#include "launch/cli/commands.h"
#include "launch/cli/generate.h"
#include "launch/cli/memory_needs.h"
#include "launch/cli/training_run.h"
#include "launch/runtime/run_folder.h"
#include "parallel/optim/fsdp_engine.h"

namespace fgm {
namespace {

constexpr int64_t kGridSteps = 28;

// {C, H, W} of the store's images, checked against the network.
std::vector<int64_t> sample_shape(const Store& store, const ModelConfig& model) {
  require<ConfigError>(store.has_images(), "{}: this store has no images; `fgm train` needs them",
                       store.path().string());
  const auto hwc = store.image_shape();
  require<ConfigError>(hwc[2] == model.in_channels, "{}: its images have {} channels, model.in_channels = {}",
                       store.path().string(), hwc[2], model.in_channels);
  require<ConfigError>(hwc[0] % model.patch_size == 0 && hwc[1] % model.patch_size == 0,
                       "{}: its images of {} x {} pixels cannot be cut into patches of model.patch_size = {}",
                       store.path().string(), hwc[0], hwc[1], model.patch_size);
  require<ConfigError>(std::max(hwc[0], hwc[1]) / model.patch_size <= model.pos_embed_max_size,
                       "{}: images of {} x {} pixels need more than model.pos_embed_max_size = {} patches a side",
                       store.path().string(), hwc[0], hwc[1], model.pos_embed_max_size);
  return {hwc[2], hwc[0], hwc[1]};
}

int train_on(World& world, const Invocation& invocation) {
  const Config& config = invocation.config;
  const auto store = open_store(config.data);
  require_same_data(world, *store, config.run);
  const auto shape = sample_shape(*store, config.model);
  require_memory(train_needs(config, shape, needy_ranks(world)));
  const auto seed = static_cast<uint64_t>(config.run.seed);
  const auto tensors = at::TensorOptions().dtype(at::kFloat).device(world.device());

  const auto model = make_model(config.model, tensors);
  spdlog::info("teacher: {} parameters; {}: {} images of {} x {}", num_parameters(*model), store->path().string(),
               store->size(), shape[1], shape[2]);
  if (invocation.is_dry_run) return kExitDone;

  init_parameters(*model, seed);
  FsdpEngine engine(*model, config.train.optimizer, world.mesh(), {.recompute = config.parallel.recompute});
  engine.set_trainable(true);
  FlowMatchingStep step(engine, {.seed = seed,
                                 .num_steps = config.train.steps,
                                 .caption_dropout = config.train.caption_dropout,
                                 .time = config.train.time,
                                 .optimizer = config.train.optimizer,
                                 .tensors = tensors,
                                 .sum_over_ranks = sum_over(world.control())});
  const auto encoder = std::make_shared<const HashedWordEncoder>(config.text);
  StoreBatchSource source(store, encoder,
                          {.global_batch = config.train.batch,
                           .rank = world.rank(),
                           .world = world.size(),
                           .seed = seed,
                           .prefetch = config.data.prefetch});
  const auto captions = grid_captions(*store);
  const PictureDrawer drawer(*model, *encoder, captions,
                             {.steps = kGridSteps,
                              .guidance = config.sample.guidance,
                              .batch = std::ssize(captions),
                              .seed = seed,
                              .sample_shape = shape,
                              .device = world.device()});
  return run_training(world,
                      {.num_steps = config.train.steps,
                       .step = &step,
                       .networks = {{std::string(role::kTeacher), &engine}},
                       .run = {.phase = "train",
                               .weights = {.role = "", .step = 0, .sample_shape = shape, .config = config},
                               .threads = world.num_threads(),
                               .store = store->path().string(),
                               .store_size = store->size(),
                               .samples_per_step = config.train.batch,
                               .teacher = std::nullopt},
                       .draw = [&] { return draw_with_average(engine, drawer); }},
                      source);
}

int train(const Invocation& invocation) {
  check_run_folder(invocation.config);
  World world(invocation.config);
  const int code = train_on(world, invocation);
  world.close();
  return code;
}

}  // namespace

Command train_command() {
  return {.name = "train",
          .help = "trains a many-step teacher on a store of images by flow matching",
          .run = train,
          .sections = {"run", "mesh", "parallel", "data", "text", "model", "train", "optimizer", "sample"},
          .flags = {steps_flag("train.steps")},
          .is_parallel = true};
}

}  // namespace fgm
