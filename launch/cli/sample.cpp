#include <spdlog/spdlog.h>

#include <chrono>
#include <cmath>
#include <fstream>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/config/fields.h"
#include "core/io/png.h"
#include "core/models/model_factory.h"
#include "core/models/weights.h"
#include "data/store/store.h"
#include "data/text/hashed_word_encoder.h"
#include "launch/cli/commands.h"
#include "launch/cli/draw_on_ranks.h"
#include "launch/coordinator/weights.h"
#include "launch/runtime/world.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
const std::vector<std::string> kRoles = {"student_ema", "student", "teacher_ema", "teacher"};

std::vector<std::string> read_prompts(const fs::path& path) {
  require<ConfigError>(!path.empty(), "sample.prompts is not set; give a store or a text file with a caption a line");
  if (path.extension() == ".h5") return Store(path).prompts();
  std::ifstream file(path);
  require<IoError>(file.good(), "sample.prompts = '{}' cannot be read", path.string());
  std::vector<std::string> prompts;
  for (std::string line; std::getline(file, line);) {
    if (!trim(line).empty()) prompts.push_back(trim(line));
  }
  require<ConfigError>(!prompts.empty(), "sample.prompts = '{}' holds no caption", path.string());
  return prompts;
}

DrawOptions draw_options(const Config& config, const WeightsInfo& weights, at::Device device) {
  const SampleConfig& sample = config.sample;
  DrawOptions options{.is_one_step = weights.role.starts_with("student"),
                      .init_time = weights.config.method.init_time,
                      .steps = sample.steps,
                      .guidance = sample.guidance,
                      .per_prompt = sample.per_prompt,
                      .batch = sample.batch,
                      .seed = static_cast<uint64_t>(config.run.seed),
                      .sample_shape = weights.sample_shape,
                      .device = device};
  require<ConfigError>(
      !options.is_one_step || (sample.steps == 1 && sample.guidance == 1.0),
      "a student draws in one step, with its guidance learnt: give --steps 1 --sample.guidance 1 (now {} "
      "and {})",
      sample.steps, sample.guidance);
  return options;
}

void write_pictures(const fs::path& path, const StoreContents& contents) {
  if (path.extension() != ".png") return write_store(path, contents);
  const auto num_pictures = static_cast<double>(contents.images_NHWC.size(0));
  write_png(path, image_grid(contents.images_NHWC, static_cast<int64_t>(std::ceil(std::sqrt(num_pictures))), 4));
}

nlohmann::json provenance(const Config& config, const OpenWeights& weights, double ms_per_image) {
  const SampleConfig& sample = config.sample;
  return {{"weights", weights.source->place()},
          {"role", weights.info.role},
          {"step", weights.info.step},
          {"steps", sample.steps},
          {"guidance", sample.guidance},
          {"evaluations", sample.steps * (sample.guidance == 1.0 ? 1 : 2)},
          {"ms_per_image", ms_per_image},
          {"seed", config.run.seed},
          {"config", to_ini(config)}};
}

std::vector<std::string> repeat_each(const std::vector<std::string>& captions, int64_t times) {
  std::vector<std::string> repeated;
  for (const auto& caption : captions) repeated.insert(repeated.end(), static_cast<size_t>(times), caption);
  return repeated;
}

// Draws on all ranks; rank 0 writes. Returns the exit code.
int draw_and_write(const Config& config, const OpenWeights& weights, const std::vector<std::string>& captions,
                   const PictureDrawer& drawer, World& world) {
  using Clock = std::chrono::steady_clock;
  const fs::path out = config.sample.out;
  const auto began = Clock::now();
  const auto pictures = draw_on_ranks(drawer, world);
  if (!pictures) {
    if (world.is_first()) spdlog::error("interrupted; {} was not written", out.string());
    return kExitRequeue;
  }
  const std::chrono::duration<double, std::milli> spent = Clock::now() - began;
  const double ms_per_image = spent.count() / static_cast<double>(drawer.num_pictures());
  if (world.is_first()) {
    write_pictures(out, {.kind = "samples",
                         .provenance = provenance(config, weights, ms_per_image),
                         .prompts = repeat_each(captions, config.sample.per_prompt),
                         .images_NHWC = *pictures});
    spdlog::info("wrote {} pictures to {}, {:.2f} ms each", drawer.num_pictures(), out.string(), ms_per_image);
  }
  return kExitDone;
}

int sample(const Invocation& invocation) {
  const Config& config = invocation.config;
  require<ConfigError>(!config.sample.weights.empty(),
                       "sample.weights is not set; give a safetensors file or a run folder");
  const fs::path out = config.sample.out;
  require<ConfigError>(out.extension() == ".h5" || out.extension() == ".png",
                       "sample.out = '{}' must end in .h5 (a store) or .png (a grid)", out.string());
  World world(config);
  const auto roles = config.sample.role.empty() ? kRoles : std::vector{config.sample.role};
  const OpenWeights weights = open_weights(find_weights(config.sample.weights, roles, world.control()));
  const auto model =
      make_model(weights.info.config.model, at::TensorOptions().dtype(at::kFloat).device(world.device()));
  load_parameters(*model, *weights.source);
  const auto captions = read_prompts(config.sample.prompts);
  const HashedWordEncoder encoder(weights.info.config.text);
  const PictureDrawer drawer(*model, encoder, captions, draw_options(config, weights.info, world.device()));
  spdlog::info("{} {} step(s), guidance {}: {} pictures", weights.source->place(), config.sample.steps,
               config.sample.guidance, drawer.num_pictures());
  const int code = invocation.is_dry_run ? kExitDone : draw_and_write(config, weights, captions, drawer, world);
  world.close();
  return code;
}

}  // namespace

Command sample_command() {
  return {.name = "sample",
          .help = "draws pictures for captions with a teacher or a one-step student",
          .run = sample,
          .sections = {"run", "sample"},
          .flags = {steps_flag("sample.steps")},
          .is_parallel = true};
}

}  // namespace fgm
