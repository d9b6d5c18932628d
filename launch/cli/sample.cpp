#include <spdlog/spdlog.h>

#include <chrono>
#include <cmath>
#include <set>

#include "core/base/error.h"
#include "core/config/fields.h"
#include "core/io/output_path.h"
#include "core/io/pixels.h"
#include "core/io/png.h"
#include "core/models/model_factory.h"
#include "core/models/weights.h"
#include "data/store/store.h"
#include "data/text/hashed_word_encoder.h"
#include "launch/cli/commands.h"
#include "launch/job/memory_needs.h"
#include "launch/job/start_checks.h"
#include "launch/runtime/world.h"
#include "launch/sampling/sample_folder.h"
#include "launch/sampling/sample_on_ranks.h"
#include "launch/weights/decoder.h"
#include "parallel/comm/control_collectives.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
const std::vector<std::string> kRoles = {"student_ema", "student", "teacher_ema", "teacher"};

// Else a folder.
bool is_file(const fs::path& out) {
  return out.extension() == ".h5" || out.extension() == ".png";
}

// A slip of the pen for a file; folders may have dots too (out/sd3.5).
bool is_other_file(const fs::path& out) {
  static const std::set<std::string> kFileEndings = {".txt",  ".hdf5",        ".jpg", ".jpeg",
                                                     ".webp", ".safetensors", ".json"};
  return fs::is_regular_file(out) || kFileEndings.contains(out.extension().string());
}

std::vector<int64_t> sample_shape(const SampleConfig& sample, const WeightsInfo& weights) {
  if (sample.sample_size == 0) return weights.sample_shape;
  return {weights.sample_shape.at(0), sample.sample_size, sample.sample_size};
}

// All but the autoencoder.
SampleOptions draw_options(const Config& config, const WeightsInfo& weights, at::Device device) {
  const SampleConfig& sample = config.sample;
  SampleOptions options{.is_one_step = weights.role.starts_with("student"),
                        .init_time = weights.config.method.init_time,
                        .steps = sample.steps,
                        .shift = sample.shift > 0.0 ? sample.shift : weights.config.sample.shift,
                        .guidance = sample.guidance,
                        .per_prompt = sample.per_prompt,
                        .batch = sample.batch,
                        .seed = static_cast<uint64_t>(config.run.seed),
                        .sample_shape = sample_shape(sample, weights),
                        .device = device};
  require<ConfigError>(
      !options.is_one_step || (sample.steps == 1 && sample.guidance == 1.0),
      "a student draws in one step, with its guidance learnt: give --steps 1 --sample.guidance 1 (now {} "
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
          {"evaluations", options.steps * (options.guidance == 1.0 ? 1 : 2)},
          {"batch", options.batch},
          {"seed", config.run.seed}};
}

std::vector<std::string> captions_of(const std::vector<Prompt>& prompts) {
  std::vector<std::string> captions;
  for (const auto& prompt : prompts) captions.push_back(prompt.caption);
  return captions;
}

// One store or one image of all, which rank 0 writes. False when a signal stopped it.
bool draw_to_file(const fs::path& out, const ImageSampler& drawer, World& world, nlohmann::ordered_json provenance) {
  using Clock = std::chrono::steady_clock;
  const auto began = Clock::now();
  const auto images = collect_from_ranks(drawer, world);
  if (!images) return false;
  const std::chrono::duration<double, std::milli> spent = Clock::now() - began;
  if (!world.is_first()) return true;
  const auto num_images = static_cast<double>(drawer.num_images());
  provenance["ms_per_image"] = spent.count() / num_images;
  if (out.extension() == ".png") {
    write_png(out, image_grid(*images, static_cast<int64_t>(std::ceil(std::sqrt(num_images)))));
    return true;
  }
  std::vector<std::string> captions;
  for (int64_t i = 0; i < drawer.num_images(); ++i) captions.push_back(drawer.caption(i));
  write_store(out, {.kind = "samples", .provenance = provenance, .prompts = captions, .images_NHWC = *images});
  return true;
}

// A folder of images, each written by the rank that draws it; what is there already is not drawn again. False when a
// signal stopped it.
bool draw_to_folder(const ImageFolder& folder, const ImageSampler& drawer, World& world,
                    const nlohmann::ordered_json& provenance) {
  on_first_rank(world.control(), [&] { folder.begin(provenance); });
  return for_each_batch(drawer, world, [&](int64_t index) {
    const int64_t first = drawer.first_of_batch(index);
    if (!folder.holds(first, drawer.size_of_batch(index))) folder.write(first, drawer.draw_batch(index));
  });
}

// What is drawn, opened and checked.
struct SampleStart {
  OpenWeights weights;
  std::optional<Sd3Vae> decoder;  // of a model of latents
  std::vector<Prompt> prompts;
  std::vector<std::string> captions;
  SampleOptions options;
};

// A folder of images may hold others.
void check_folder(const Config& config, const SampleStart& start, const StartContext& context) {
  if (is_file(config.sample.out)) return;
  const OpenWeights& weights = start.weights;
  const auto undrawn = make_unread_model(weights.info.config.model);
  const HashedWordEncoder encoder(weights.text(config.text));
  const ImageSampler drawer(*undrawn, encoder, start.captions, start.options);
  const ImageFolder folder(config.sample.out, config.sample.layout, start.prompts, drawer);
  context.once([&] { folder.check(describe(config, weights, start.options)); });
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
  const auto roles = config.sample.role.empty() ? kRoles : std::vector{config.sample.role};
  const WeightsPlace place = context.find_weights(config.sample.weights, roles);
  weights = open_weights(place);
  require_network(weights.info.config.model, *weights.source);
  start.decoder = find_decoder(config.sample.vae, place.path, weights);
  require<ConfigError>(start.decoder || weights.info.sample_shape.at(0) == kPixelChannels,
                       "{} makes latents of {} channels and brings no autoencoder; give --sample.vae",
                       weights.source->place(), weights.info.sample_shape.at(0));
  start.options = draw_options(config, weights.info, device);
  const auto& shape = start.options.sample_shape;
  check_image_size(weights.info.config.model, shape[1], shape[2],
                   config.sample.sample_size > 0 ? "sample.sample_size" : weights.source->place());
  start.prompts = read_prompts(config.sample.prompts);
  start.captions = captions_of(start.prompts);
  check_captions(start.captions, weights.text(config.text), config.sample.prompts, !weights.is_external);
  require_memory(
      sample_needs(config.sample, shape, weights.text(config.text), device.is_cpu(), kept_bytes(config.sample, start)));
  check_folder(config, start, context);
  return start;
}

int draw_and_write(const Config& config, const OpenWeights& weights, const std::vector<Prompt>& prompts,
                   const ImageSampler& drawer, World& world) {
  const fs::path out = config.sample.out;
  auto provenance = describe(config, weights, drawer.options());
  bool is_done = false;
  if (is_file(out)) {
    provenance["config"] = to_ini(config);
    is_done = draw_to_file(out, drawer, world, provenance);
  } else {
    const ImageFolder folder(out, config.sample.layout, prompts, drawer);
    is_done = draw_to_folder(folder, drawer, world, provenance);
  }
  if (!world.is_first()) return is_done ? kExitDone : kExitRequeue;
  if (is_done) {
    spdlog::info("{} images are in {}", drawer.num_images(), out.string());
  } else if (is_file(out)) {
    spdlog::error("interrupted; {} was not written", out.string());
  } else {
    spdlog::error("interrupted; the same command goes on in {}", out.string());
  }
  return is_done ? kExitDone : kExitRequeue;
}

int sample_on(World& world, const Invocation& invocation) {
  const Config& config = invocation.config;
  const fs::path out = config.sample.out;
  on_first_rank(world.control(), [&] { is_file(out) ? check_output_file(out) : check_output_folder(out); });
  const SampleStart start = check_start(config, world.device(), context_of(world, invocation.is_dry_run));
  if (invocation.is_dry_run) return kExitDone;

  const OpenWeights& weights = start.weights;
  const auto vae = load_decoder(start.decoder, world.device());
  if (vae != nullptr) {
    spdlog::warn(
        "captions are hashed words here, not the CLIP and T5 embeddings that Stable Diffusion 3 knows: images "
        "of its released weights will not follow them");
  }
  const auto model =
      make_model(weights.info.config.model, at::TensorOptions().dtype(at::kFloat).device(world.device()));
  load_parameters(*model, *weights.source);
  const HashedWordEncoder encoder(weights.text(config.text));
  SampleOptions options = start.options;
  options.vae = vae.get();
  const ImageSampler drawer(*model, encoder, start.captions, options);
  spdlog::info("{} {} step(s), guidance {}: {} images", weights.source->place(), config.sample.steps,
               config.sample.guidance, drawer.num_images());
  return draw_and_write(config, weights, start.prompts, drawer, world);
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
          .help = "draws images for captions with a teacher or a one-step student",
          .run = sample,
          .sections = {"run", "sample", "text"},
          .flags = {steps_flag("sample.steps")},
          .is_parallel = true};
}

}  // namespace fgm
