#include <spdlog/spdlog.h>

#include <chrono>
#include <cmath>
#include <fstream>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/config/fields.h"
#include "core/io/png.h"
#include "data/store/store.h"
#include "data/text/hashed_word_encoder.h"
#include "launch/cli/commands.h"
#include "launch/cli/generate.h"
#include "launch/cli/training_run.h"
#include "launch/runtime/signals.h"

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

int sample(const Invocation& invocation) {
  const Config& config = invocation.config;
  require<ConfigError>(!config.sample.weights.empty(),
                       "sample.weights is not set; give a safetensors file or a run folder");
  const fs::path out = config.sample.out;
  require<ConfigError>(out.extension() == ".h5" || out.extension() == ".png",
                       "sample.out = '{}' must end in .h5 (a store) or .png (a grid)", out.string());
  const at::Device device = prepare_device(config.run);
  const auto roles = config.sample.role.empty() ? kRoles : std::vector{config.sample.role};
  const LoadedModel loaded = load_model(config.sample.weights, roles, device);
  const DrawOptions options = draw_options(config, loaded.info, device);
  const auto captions = read_prompts(config.sample.prompts);
  const HashedWordEncoder encoder(loaded.info.config.text);
  const int64_t total = std::ssize(captions) * options.per_prompt;
  spdlog::info("{} {} step(s), guidance {}: {} pictures", loaded.place.path.string(), options.steps, options.guidance,
               total);
  if (invocation.is_dry_run) return kExitDone;

  using Clock = std::chrono::steady_clock;
  const StopSignals signals;
  const auto began = Clock::now();
  const auto pictures = draw_pictures(*loaded.model, encoder, captions, options, [&](int64_t num_drawn) {
    if (num_drawn > 0) spdlog::debug("{} of {} pictures", num_drawn, total);
    return signals.stop_requested();
  });
  const double ms = std::chrono::duration<double, std::milli>(Clock::now() - began).count();
  if (pictures.size(0) < total) throw Error(fmt::format("interrupted; {} was not written", out.string()), kExitRequeue);

  StoreContents contents{.kind = "samples", .provenance = {}, .prompts = {}, .images_NHWC = pictures};
  for (int64_t i = 0; i < total; ++i) contents.prompts.push_back(captions[static_cast<size_t>(i / options.per_prompt)]);
  contents.provenance = {{"weights", loaded.place.path.string()},
                         {"role", loaded.info.role},
                         {"step", loaded.info.step},
                         {"steps", options.steps},
                         {"guidance", options.guidance},
                         {"evaluations", options.steps * (options.guidance == 1.0 ? 1 : 2)},
                         {"ms_per_image", ms / static_cast<double>(total)},
                         {"seed", options.seed},
                         {"config", to_ini(config)}};
  write_pictures(out, contents);
  spdlog::info("wrote {} pictures to {}, {:.2f} ms each", total, out.string(), ms / static_cast<double>(total));
  return kExitDone;
}

}  // namespace

Command sample_command() {
  return {.name = "sample",
          .help = "draws pictures for captions with a teacher or a one-step student",
          .run = sample,
          .sections = {"run", "sample"},
          .flags = {steps_flag("sample.steps")}};
}

}  // namespace fgm
