#include <spdlog/spdlog.h>

#include "core/base/error.h"
#include "core/config/fields.h"
#include "core/io/output_path.h"
#include "core/models/model_factory.h"
#include "core/models/weights.h"
#include "core/train/roles.h"
#include "data/store/store_writer.h"
#include "launch/cli/commands.h"
#include "launch/cli/sample.h"
#include "launch/job/memory_needs.h"
#include "launch/runtime/world.h"
#include "launch/sampling/sample_on_ranks.h"
#include "launch/text/text_encoder.h"
#include "parallel/comm/control_collectives.h"

namespace fgm {
namespace {

const std::set<std::string> kPairsEnding = {".h5"};

SampleStart check_pairs(const Config& config, at::Device device, const StartContext& context) {
  SampleStart start = open_sample(config, role::kTeachers, device, context);
  require<ConfigError>(config.sample.noise.empty(), "sample.noise is set; the noise of pairs follows from their seed");
  require<ConfigError>(!start.options.student, "{} is a student ({}); pairs are a teacher's",
                       start.weights.source->place(), start.weights.info.role);
  require_memory(
      sample_needs(config.sample, start.options.sample_shape, start.text, device.is_cpu(), /*kept_bytes=*/0));
  return start;
}

// Lays the store out for the pairs of `images`.
std::unique_ptr<StoreWriter> make_writer(const Config& config, const SampleStart& start, const ImageList& images) {
  auto provenance = describe(config, start);
  provenance["source"] = "fgm pairs";
  provenance["teacher_xxh128"] = digest_of(*start.weights.source);
  provenance["config"] = to_ini(config);
  const StoreContents header{
      .kind = "pairs", .provenance = provenance, .prompts = images.captions(), .noise_seed = config.run.seed};
  return std::make_unique<StoreWriter>(config.sample.out, header, start.options.sample_shape);
}

// The samples as the store keeps them.
at::Tensor to_float16(const at::Tensor& samples, const std::string& place) {
  const auto halves = samples.to(at::kHalf);
  require<DoNotRequeueError>(at::isfinite(halves).all().item<bool>(),
                             "{} makes samples with values that are not finite, or beyond float16", place);
  return halves;
}

// Writes the pairs batch by batch, on rank 0. False when a signal stopped it.
bool write_pairs(const Config& config, const SampleStart& start, const ImageJob& job, World& world) {
  const auto writer = world.is_first() ? make_writer(config, start, job.images()) : nullptr;
  const bool is_done = gather_batches(
      job.batches(), world, at::empty(start.options.sample_shape, at::kFloat),
      [&](int64_t batch) { return job.samples_of_batch(batch).cpu(); },
      [&](const at::Tensor& samples) { writer->append(to_float16(samples, start.weights.source->place())); });
  if (is_done && writer != nullptr) writer->commit();
  return is_done;
}

int pairs_on(World& world, const Invocation& invocation) {
  const Config& config = invocation.config;
  on_first_rank(world.control(), [&] { check_output_file(config.sample.out); });
  const SampleStart start = check_pairs(config, world.device(), context_of(world, invocation.is_dry_run));
  if (invocation.is_dry_run) return kExitDone;

  const auto model =
      make_model(start.weights.info.config.model, at::TensorOptions().dtype(at::kFloat).device(world.device()));
  load_parameters(*model, *start.weights.source);
  const auto encoder = make_text_encoder(start.text, world.device());
  const ImageList images(start.captions, config.sample.per_prompt, static_cast<uint64_t>(config.run.seed),
                         CaptionNoise::kPairs);
  const ImageJob job({*model, *encoder, start.options}, images, config.sample.batch);
  spdlog::info("{} in {} steps, guidance {}: {} pairs", start.weights.source->place(), config.sample.steps,
               config.sample.guidance, images.size());
  const bool is_done = write_pairs(config, start, job, world);
  if (world.is_first() && is_done) spdlog::info("{} pairs are in {}", images.size(), config.sample.out);
  if (world.is_first() && !is_done) spdlog::error("interrupted; {} was not written", config.sample.out);
  return is_done ? kExitDone : kExitRequeue;
}

int pairs(const Invocation& invocation) {
  const SampleConfig& config = invocation.config.sample;
  require<ConfigError>(!config.weights.empty(),
                       "sample.weights is not set; give a teacher: a run's folder, or a file or folder of weights");
  require<ConfigError>(is_file_name(config.out, kPairsEnding), "sample.out = '{}' must end in .h5", config.out);
  World world(invocation.config);
  const int code = pairs_on(world, invocation);
  world.close();
  return code;
}

}  // namespace

Command pairs_command() {
  return {.name = "pairs",
          .help = "writes noise, caption and the teacher's sample into a store, for method.loss = regression",
          .run = pairs,
          .sections = {"run", "sample", "text"},
          .flags = {steps_flag("sample.steps"), {"out", "FILE", "the store to write", "sample.out"}},
          .is_parallel = true};
}

}  // namespace fgm
