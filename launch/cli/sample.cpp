#include <spdlog/spdlog.h>

#include <chrono>
#include <cmath>
#include <set>

#include "core/base/error.h"
#include "core/config/fields.h"
#include "core/flow/guidance.h"
#include "core/io/output_path.h"
#include "core/io/pixels.h"
#include "core/io/png.h"
#include "core/models/model_factory.h"
#include "core/models/weights.h"
#include "core/train/roles.h"
#include "data/store/store.h"
#include "launch/cli/commands.h"
#include "launch/job/memory_needs.h"
#include "launch/job/start_checks.h"
#include "launch/runtime/world.h"
#include "launch/sampling/image_folder.h"
#include "launch/sampling/sample_on_ranks.h"
#include "launch/text/text_encoder.h"
#include "launch/weights/decoder.h"
#include "parallel/comm/control_collectives.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

// The endings of one store and of one image of all; other outputs are folders with a file for each image.
const std::set<std::string> kStoreOrImageEndings = {".h5", ".png"};

bool is_file(const fs::path& out) {
  return is_file_name(out, kStoreOrImageEndings);
}

// Whether the name is more likely a file's with a mistake in it than a folder's, which may have dots too (out/sd3.5).
bool is_other_file(const fs::path& out) {
  static const std::set<std::string> kOtherFileEndings = {".txt",  ".hdf5",        ".jpg", ".jpeg",
                                                          ".webp", ".safetensors", ".json"};
  return fs::is_regular_file(out) || is_file_name(out, kOtherFileEndings);
}

std::vector<int64_t> sample_shape(const SampleConfig& sample, const WeightsInfo& weights) {
  if (sample.sample_size == 0) return weights.sample_shape;
  return {weights.sample_shape.at(0), sample.sample_size, sample.sample_size};
}

// How images are sampled, but for the autoencoder.
SampleOptions sample_options(const Config& config, const WeightsInfo& weights, at::Device device) {
  const SampleConfig& sample = config.sample;
  SampleOptions options{.is_one_step = role::is_student(weights.role),
                        .init_time = weights.config.method.init_time,
                        .steps = sample.steps,
                        .shift = sample.shift > 0.0 ? sample.shift : weights.config.sample.shift,
                        .guidance = sample.guidance,
                        .sample_shape = sample_shape(sample, weights),
                        .device = device};
  require<ConfigError>(
      !options.is_one_step || (sample.steps == 1 && sample.guidance == 1.0),
      "a student makes an image in one step, with its guidance learnt: give --steps 1 --sample.guidance 1 (now {} "
      "and {})",
      sample.steps, sample.guidance);
  return options;
}

nlohmann::ordered_json describe(const Config& config, const OpenWeights& weights, const SampleOptions& options) {
  return {{"weights", weights.source->place()},
          {"role", weights.info.role},
          {"step", weights.info.step},
          {"steps", options.steps},
          {"guidance", options.guidance},
          {"shift", options.shift},
          {"evaluations", options.steps * num_passes(options.guidance)},
          {"batch", config.sample.batch},
          {"seed", config.run.seed}};
}

std::vector<std::string> captions_of(const std::vector<Prompt>& prompts) {
  std::vector<std::string> captions;
  for (const auto& prompt : prompts) captions.push_back(prompt.caption);
  return captions;
}

// Writes one store or one image of all, on rank 0. False when a signal stopped it.
bool sample_to_file(const fs::path& out, const ImageJob& job, World& world, nlohmann::ordered_json provenance) {
  using Clock = std::chrono::steady_clock;
  const auto began = Clock::now();
  const auto sampled = sample_on_ranks(job, world);
  if (!sampled) return false;
  const std::chrono::duration<double, std::milli> spent = Clock::now() - began;
  if (!world.is_first()) return true;
  const auto num_images = static_cast<double>(job.images().size());
  provenance["ms_per_image"] = spent.count() / num_images;
  if (out.extension() == ".png") {
    write_png(out, image_grid(*sampled, static_cast<int64_t>(std::ceil(std::sqrt(num_images)))));
    return true;
  }
  std::vector<std::string> captions;
  for (int64_t i = 0; i < job.images().size(); ++i) captions.push_back(job.images().caption(i));
  write_store(out, {.kind = "samples", .provenance = provenance, .prompts = captions, .images_NHWC = *sampled});
  return true;
}

// Writes a folder of images, each by the rank that samples it; images that are there already are not sampled again.
// False when a signal stopped it.
bool sample_to_folder(const ImageFolder& folder, const ImageJob& job, World& world,
                      const nlohmann::ordered_json& provenance) {
  on_first_rank(world.control(), [&] { folder.begin(provenance); });
  return for_each_batch(job.batches(), world, [&](int64_t batch) {
    const int64_t first = job.batches().first(batch);
    if (!folder.holds(first, job.batches().size(batch))) folder.write(first, job.sample_batch(batch));
  });
}

// What check_start() opened and checked.
struct SampleStart {
  OpenWeights weights;
  std::optional<Sd3Vae> decoder;  // of a model of latents
  std::vector<Prompt> prompts;
  std::vector<std::string> captions;
  SampleOptions options;
};

ImageList image_list(const Config& config, const SampleStart& start) {
  return {start.captions, config.sample.per_prompt, static_cast<uint64_t>(config.run.seed)};
}

// Rank 0 keeps the images of a file until all are there.
double kept_bytes(const SampleConfig& sample, const SampleStart& start) {
  if (!is_file(sample.out)) return 0;
  const int64_t scale = start.decoder ? start.decoder->config.downscale() : 1;
  const auto& shape = start.options.sample_shape;
  return static_cast<double>(kPixelChannels * shape[1] * scale * shape[2] * scale) *
         static_cast<double>(start.captions.size()) * static_cast<double>(sample.per_prompt);
}

// See start_checks.h.
SampleStart check_start(const Config& config, at::Device device, const StartContext& context) {
  SampleStart start;
  OpenWeights& weights = start.weights;
  const auto roles = config.sample.role.empty() ? role::kStudentsThenTeachers : std::vector{config.sample.role};
  const WeightsPlace place = context.find_weights(config.sample.weights, roles);
  weights = open_weights(place);
  const ModelConfig& model = weights.info.config.model;
  require_network(model, *weights.source);
  start.decoder = find_decoder(config.sample.vae, place.path, weights);
  require<ConfigError>(start.decoder || !makes_latents(model),
                       "{} makes latents of {} channels and brings no autoencoder; give --sample.vae",
                       weights.source->place(), model.in_channels());
  start.options = sample_options(config, weights.info, device);
  const auto& shape = start.options.sample_shape;
  check_image_size(model, shape[1], shape[2],
                   config.sample.sample_size > 0 ? "sample.sample_size" : weights.source->place());
  start.prompts = read_prompts(config.sample.prompts);
  start.captions = captions_of(start.prompts);
  const TextConfig text = weights.text(config.text);
  check_captions(start.captions, text, config.sample.prompts, !weights.is_external);
  require_memory(sample_needs(config.sample, shape, text, device.is_cpu(), kept_bytes(config.sample, start)));
  if (is_file(config.sample.out)) return start;
  const ImageList images = image_list(config, start);
  const ImageFolder folder(config.sample.out, config.sample.layout, start.prompts, images);
  context.once([&] { folder.check(describe(config, weights, start.options)); });
  return start;
}

bool sample_and_write(const Config& config, const SampleStart& start, const ImageJob& job, World& world) {
  const fs::path out = config.sample.out;
  auto provenance = describe(config, start.weights, start.options);
  if (is_file(out)) {
    provenance["config"] = to_ini(config);
    return sample_to_file(out, job, world, provenance);
  }
  return sample_to_folder({out, config.sample.layout, start.prompts, job.images()}, job, world, provenance);
}

void log_end(bool is_done, const fs::path& out, int64_t num_images) {
  if (is_done) {
    spdlog::info("{} images are in {}", num_images, out.string());
  } else if (is_file(out)) {
    spdlog::error("interrupted; {} was not written", out.string());
  } else {
    spdlog::error("interrupted; the same command goes on in {}", out.string());
  }
}

int sample_on(World& world, const Invocation& invocation) {
  const Config& config = invocation.config;
  const fs::path out = config.sample.out;
  on_first_rank(world.control(), [&] { check_output(out, kStoreOrImageEndings); });
  const SampleStart start = check_start(config, world.device(), context_of(world, invocation.is_dry_run));
  if (invocation.is_dry_run) return kExitDone;

  const OpenWeights& weights = start.weights;
  const auto decoder = load_decoder(start.decoder, world.device());
  if (decoder != nullptr) {
    spdlog::warn(
        "captions are hashed words here, not the CLIP and T5 embeddings that Stable Diffusion 3 knows: images "
        "of its released weights will not follow them");
  }
  const auto model =
      make_model(weights.info.config.model, at::TensorOptions().dtype(at::kFloat).device(world.device()));
  load_parameters(*model, *weights.source);
  const auto encoder = make_text_encoder(weights.text(config.text));
  SampleOptions options = start.options;
  options.decoder = decoder.get();
  const ImageJob job({*model, *encoder, options}, image_list(config, start), config.sample.batch);
  spdlog::info("{} {} step(s), guidance {}: {} images", weights.source->place(), config.sample.steps,
               config.sample.guidance, job.images().size());
  const bool is_done = sample_and_write(config, start, job, world);
  if (world.is_first()) log_end(is_done, out, job.images().size());
  return is_done ? kExitDone : kExitRequeue;
}

int sample(const Invocation& invocation) {
  const SampleConfig& config = invocation.config.sample;
  require<ConfigError>(!config.weights.empty(),
                       "sample.weights is not set; give a run's folder, or a file or folder of weights");
  const fs::path out = config.out;
  require<ConfigError>(!out.empty() && (is_file(out) || !is_other_file(out)),
                       "sample.out = '{}' must end in .h5 (a store) or .png (one image of all), or be a folder",
                       config.out);
  World world(invocation.config);
  const int code = sample_on(world, invocation);
  world.close();
  return code;
}

}  // namespace

Command sample_command() {
  return {.name = "sample",
          .help = "makes images for captions with a teacher or a one-step student",
          .run = sample,
          .sections = {"run", "sample", "text"},
          .flags = {steps_flag("sample.steps")},
          .is_parallel = true};
}

}  // namespace fgm
