#include "launch/cli/sample.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <cmath>
#include <set>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/config/fields.h"
#include "core/flow/guidance.h"
#include "core/formats/text_encoder_files.h"
#include "core/io/output_path.h"
#include "core/io/pixels.h"
#include "core/io/png.h"
#include "core/io/safetensors.h"
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
  SampleOptions options{.steps = sample.steps,
                        .shift = sample.shift > 0.0 ? sample.shift : weights.config.sample.shift,
                        .guidance = sample.guidance,
                        .sample_shape = sample_shape(sample, weights),
                        .device = device};
  if (!role::is_student(weights.role)) return options;
  options.student = generator_of(weights.config.method);
  const int64_t steps = options.student->num_steps();
  require<ConfigError>(sample.steps == steps && sample.guidance == 1.0,
                       "a student makes an image in the steps that it learnt, with its guidance learnt too: give "
                       "--steps {} --sample.guidance 1 (now {} and {})",
                       steps, sample.steps, sample.guidance);
  return options;
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
  write_store(
      out, {.kind = "samples", .provenance = provenance, .prompts = job.images().captions(), .images_NHWC = *sampled});
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
struct ImageStart : SampleStart {
  std::optional<Sd3Vae> decoder;  // of a model of latents
  at::Tensor noise_NCHW;          // sample.noise; undefined: that of the seed
};

ImageList image_list(const Config& config, const ImageStart& start) {
  ImageList images(start.captions, config.sample.per_prompt, static_cast<uint64_t>(config.run.seed));
  images.set_noise(start.noise_NCHW);
  return images;
}

// sample.noise, for `num_images` images.
at::Tensor read_noise(const std::string& path, const SampleOptions& options, int64_t num_images) {
  const SafetensorsFile file(path);
  std::vector<int64_t> shape = options.sample_shape;
  shape.insert(shape.begin(), num_images);
  const auto& found = file.info("noise").shape;
  require<ConfigError>(found == shape, "sample.noise = {}: its noise is {}, and the images are {}", path,
                       fmt::join(found, " x "), fmt::join(shape, " x "));
  const int64_t num_steps = options.student ? options.student->num_steps() : 1;
  require<ConfigError>(num_steps == 1, "sample.noise is that of one step; a student of {} steps draws its own",
                       num_steps);
  const auto noise = at::empty(shape, at::kFloat);
  read_finite(file, "noise", 0, noise);
  return noise;
}

nlohmann::ordered_json describe_images(const Config& config, const ImageStart& start) {
  auto out = describe(config, start);
  if (const auto& noise = start.noise_NCHW; noise.defined()) {
    Digest digest;
    digest.update({static_cast<const std::byte*>(noise.const_data_ptr()), noise.nbytes()});
    out["noise_xxh128"] = digest.hex();
  }
  return out;
}

// Rank 0 keeps the images of a file until all are there.
double kept_bytes(const SampleConfig& sample, const ImageStart& start) {
  if (!is_file(sample.out)) return 0;
  const int64_t scale = start.decoder ? start.decoder->config.downscale() : 1;
  const auto& shape = start.options.sample_shape;
  return static_cast<double>(kPixelChannels * shape[1] * scale * shape[2] * scale) *
         static_cast<double>(start.captions.size()) * static_cast<double>(sample.per_prompt);
}

// See start_checks.h.
ImageStart check_start(const Config& config, at::Device device, const StartContext& context) {
  ImageStart start{open_sample(config, role::kStudentsThenTeachers, device, context), {}, {}};
  const OpenWeights& weights = start.weights;
  const ModelConfig& model = weights.info.config.model;
  start.decoder = find_decoder(config.sample.vae, start.place.path, weights);
  require<ConfigError>(start.decoder || !makes_latents(model),
                       "{} makes latents of {} channels and brings no autoencoder; give --sample.vae",
                       weights.source->place(), model.in_channels());
  require_memory(sample_needs(config.sample, start.options.sample_shape, start.text, device.is_cpu(),
                              kept_bytes(config.sample, start)));
  if (!config.sample.noise.empty()) {
    start.noise_NCHW =
        read_noise(config.sample.noise, start.options, std::ssize(start.captions) * config.sample.per_prompt);
  }
  if (is_file(config.sample.out)) return start;
  const ImageList images = image_list(config, start);
  const ImageFolder folder(config.sample.out, config.sample.layout, start.prompts, images);
  context.once([&] { folder.check(describe_images(config, start)); });
  return start;
}

bool sample_and_write(const Config& config, const ImageStart& start, const ImageJob& job, World& world) {
  const fs::path out = config.sample.out;
  auto provenance = describe_images(config, start);
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
  const ImageStart start = check_start(config, world.device(), context_of(world, invocation.is_dry_run));
  if (invocation.is_dry_run) return kExitDone;

  const OpenWeights& weights = start.weights;
  const auto decoder = load_decoder(start.decoder, world.device());
  if (decoder != nullptr && !start.text.has_embeddings()) {
    spdlog::warn(
        "captions are hashed words here, not the CLIP and T5 embeddings that Stable Diffusion 3 knows: images "
        "of its released weights will not follow them; give its text encoders as --sample.text");
  }
  const auto model =
      make_model(weights.info.config.model, at::TensorOptions().dtype(at::kFloat).device(world.device()));
  load_parameters(*model, *weights.source);
  const auto encoder = make_text_encoder(start.text, world.device());
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

SampleStart open_sample(const Config& config, const std::vector<std::string>& roles, at::Device device,
                        const StartContext& context) {
  SampleStart start;
  const auto asked = config.sample.role.empty() ? roles : std::vector{config.sample.role};
  start.place = context.find_weights(config.sample.weights, asked);
  start.weights = open_weights(start.place);
  const OpenWeights& weights = start.weights;
  TextConfig text = config.text;
  const bool may_bring_encoders =
      weights.is_external && makes_latents(weights.info.config.model) && !text.has_embeddings() && text.labels.empty();
  if (may_bring_encoders && has_text_encoders(start.place.path)) text.model = start.place.path;
  start.text = weights.text(with_encoders(text, /*is_identity_wanted=*/!weights.is_external));
  const ModelConfig& model = weights.info.config.model;
  require_network(model, *weights.source);
  start.options = sample_options(config, weights.info, device);
  const auto& shape = start.options.sample_shape;
  check_image_size(model, shape[1], shape[2],
                   config.sample.sample_size > 0 ? "sample.sample_size" : weights.source->place());
  start.prompts = read_prompt_list(config.sample.prompts, {.key = "sample.prompts"}).prompts;
  start.captions = captions_of(start.prompts);
  check_captions(start.captions, start.text, config.sample.prompts, !weights.is_external);
  return start;
}

nlohmann::ordered_json describe(const Config& config, const SampleStart& start) {
  const OpenWeights& weights = start.weights;
  const SampleOptions& options = start.options;
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

Command sample_command() {
  return {
      .name = "sample",
      .help = "makes images for captions with a teacher or a student",
      .run = sample,
      .sections = {"run", "sample", "text"},
      .flags = {steps_flag("sample.steps"),
                {"sample.text", "PATH", "text encoders; without it those that the weights bring along", "text.model"}},
      .is_parallel = true};
}

}  // namespace fgm
