#include <numeric>
#include <optional>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/eval/efficientnet_lite.h"
#include "core/eval/report.h"
#include "core/eval/torchscript_space.h"
#include "core/io/output_path.h"
#include "core/io/safetensors.h"
#include "data/store/store.h"
#include "launch/cli/commands.h"
#include "launch/cli/output.h"
#include "launch/runtime/environment.h"
#include "launch/runtime/memory_limit.h"
#include "launch/runtime/run_folder.h"
#include "launch/runtime/threads.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

// The images of a store as a tensor without values.
at::Tensor images_of(const Store& store) {
  require<ConfigError>(store.has_images(), "{}: this store has no images to score", store.path().string());
  auto shape = store.image_shape();
  shape.insert(shape.begin(), store.size());
  return at::empty(shape, at::TensorOptions(at::kByte).device(at::kMeta));
}

at::Tensor read_images(const Store& store) {
  std::vector<int64_t> indices(static_cast<size_t>(store.size()));
  std::iota(indices.begin(), indices.end(), int64_t{0});
  return store.images(indices);
}

MemoryNeed image_need(const std::string& key, const Store& store) {
  return {key, fmt::to_string(store.size()), static_cast<double>(images_of(store).nbytes())};
}

bool is_file(const std::string& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

// The number `key` of a store's provenance, which any program may have written; 0 when there is none.
template <typename Number>
Number number_of(const nlohmann::json& provenance, const char* key) {
  const auto value = provenance.find(key);
  return value != provenance.end() && value->is_number() ? value->get<Number>() : Number{0};
}

// {name, path} of "name=store.h5"; the path may hold a '=' as well.
std::pair<std::string, std::string> parse_entry(const std::string& entry) {
  const size_t equals = entry.find('=');
  require<ConfigError>(equals != std::string::npos && equals > 0 && equals + 1 < entry.size(),
                       "eval.samples holds '{}', which is not name=store", entry);
  return {entry.substr(0, equals), entry.substr(equals + 1)};
}

// Where the entry at `begin` ends: at the first comma up to which it names a file, for a path may hold commas, and
// where there is none such at the first comma.
size_t end_of_entry(const std::string& samples, size_t begin) {
  const size_t first = samples.find(',', begin);
  for (size_t end = first;; end = samples.find(',', end + 1)) {
    const std::string entry = samples.substr(begin, end - begin);
    if (is_file(trim(entry.substr(entry.find('=') + 1)))) return end;
    if (end == std::string::npos) return first;
  }
}

// {name, path} of each entry of "name=store.h5,name=store.h5".
std::vector<std::pair<std::string, std::string>> parse_samples(const std::string& samples) {
  std::vector<std::pair<std::string, std::string>> entries;
  for (size_t begin = 0, end = 0; end != std::string::npos; begin = end + 1) {
    end = end_of_entry(samples, begin);
    const std::string entry = trim(samples.substr(begin, end - begin));
    if (!entry.empty()) entries.push_back(parse_entry(entry));
  }
  return entries;
}

// What a store that `fgm sample` wrote says of its images.
ModelSamples describe_samples(const std::string& name, const Store& store) {
  const auto& provenance = store.provenance();
  require<ConfigError>(store.kind() == "samples" && provenance.contains("evaluations"),
                       "{}: a store of kind '{}'; eval.samples wants those that `fgm sample` writes",
                       store.path().string(), store.kind());
  return {.name = name,
          .prompts = store.prompts(),
          .images_NHWC = images_of(store),
          .steps = number_of<int64_t>(provenance, "steps"),
          .evaluations = number_of<int64_t>(provenance, "evaluations"),
          .ms_per_image = number_of<double>(provenance, "ms_per_image"),
          .config = provenance};
}

// What is scored, opened and checked; the images are not read yet.
struct EvalStart {
  std::vector<Store> stores = {};
  std::vector<ModelSamples> models = {};
  std::optional<Store> held_out = {};  // none where eval.statistics is there instead
  fs::path report_file;
  FeatureSpace space;
  std::optional<Gaussian> statistics;
};

FeatureSpace open_space(const std::string& features) {
  if (features == "random-conv") return random_conv_space();
  if (features != "efficientnet-lite0") return torchscript_space(features);
  const fs::path weights = read_environment().home / "efficientnet-lite0.safetensors";
  require<ConfigError>(fs::exists(weights),
                       "eval.features = {}, whose weights are not at {}; run launch/scripts/setup --eval-features",
                       features, weights.string());
  return efficientnet_lite0_space(SafetensorsFile(weights));
}

// The statistics that a file holds; none where it is still to be written.
std::optional<Gaussian> open_statistics(const EvalConfig& eval) {
  if (eval.statistics.empty()) return std::nullopt;
  if (fs::exists(eval.statistics)) return read_statistics(eval.statistics);
  require<ConfigError>(!eval.reference.empty(),
                       "eval.statistics = {} is not there; with eval.reference it is written of that store's images",
                       eval.statistics);
  check_output_file(eval.statistics);
  return std::nullopt;
}

// How many features an image has: networks of others tell by seeing one.
int64_t count_features(const EvalStart& start) {
  return features_of(start.space, start.stores.front().images(std::vector<int64_t>{0})).size(1);
}

// An .npz file does not say which features it is of, but how many.
void check_statistics(const EvalStart& start, const EvalConfig& eval, int64_t num_features) {
  require<ConfigError>(num_features == start.statistics->mean.size(0),
                       "eval.statistics = {} is of {} features, and eval.features = {} has {}", eval.statistics,
                       start.statistics->mean.size(0), eval.features, num_features);
}

// The features of `num_images` in float32; and while a Gaussian is fitted to those of `num_fitted`, two copies of theirs
// in float64 and two covariances.
MemoryNeed features_need(const EvalConfig& eval, int64_t num_features, int64_t num_images, int64_t num_fitted) {
  const auto width = static_cast<double>(num_features);
  const double bytes = 4.0 * static_cast<double>(num_images) + 16.0 * static_cast<double>(num_fitted) + 16.0 * width;
  return {"eval.features", eval.features, width * bytes};
}

// The models' images are in memory from the first to the last, the reference's until their features are known.
void check_memory(const EvalStart& start, const EvalConfig& eval, int64_t num_features) {
  std::vector<MemoryNeed> needs;
  for (const auto& store : start.stores) needs.push_back(image_need("eval.samples", store));
  const int64_t num_real = start.held_out ? start.held_out->size() : 0, num_drawn = start.stores.front().size();
  auto of_scores = needs;
  of_scores.push_back(features_need(eval, num_features, num_real + std::ssize(start.stores) * num_drawn, num_drawn));
  require_memory(of_scores);
  if (!start.held_out) return;
  needs.push_back(image_need("eval.reference", *start.held_out));
  needs.push_back(features_need(eval, num_features, num_real, num_real));
  require_memory(needs);
}

// Opens and checks what is scored: see start_checks.h.
EvalStart check_start(const Config& config) {
  require<ConfigError>(!config.eval.samples.empty(), "eval.samples is not set; give name=store.h5,name=store.h5");
  require<ConfigError>(!config.eval.reference.empty() || !config.eval.statistics.empty(),
                       "eval.reference is not set; give a store of held-out images, or their eval.statistics");
  require<ConfigError>(!config.eval.report.empty() || !config.run.dir.empty(),
                       "neither eval.report nor --run says where the report goes");
  const fs::path report_file =
      config.eval.report.empty() ? RunFolder(config.run.dir).report_file() : fs::path(config.eval.report);
  check_output_file(report_file);
  EvalStart start{.report_file = report_file,
                  .space = open_space(config.eval.features),
                  .statistics = open_statistics(config.eval)};
  if (!config.eval.reference.empty()) start.held_out.emplace(config.eval.reference);
  for (const auto& [name, path] : parse_samples(config.eval.samples)) {
    start.stores.emplace_back(path);
    start.models.push_back(describe_samples(name, start.stores.back()));
  }
  check_evaluation(start.models, start.held_out ? images_of(*start.held_out) : at::Tensor());
  const int64_t num_features = count_features(start);
  check_memory(start, config.eval, num_features);
  if (start.statistics) check_statistics(start, config.eval, num_features);
  return start;
}

// Statistics of a file stand in for those of the reference's images; a file that is not there is written of these.
Reference make_reference(const EvalStart& start, const std::string& statistics_file) {
  Reference reference;
  if (start.held_out) reference = reference_of(start.space, read_images(*start.held_out));
  if (start.statistics) {
    reference.gaussian = *start.statistics;
  } else if (!statistics_file.empty()) {
    write_statistics(statistics_file, reference.gaussian);
  }
  return reference;
}

int eval(const Invocation& invocation) {
  const Config& config = invocation.config;
  EvalStart start = check_start(config);
  if (invocation.is_dry_run) return kExitDone;

  use_threads(choose_threads(config.run.threads, read_environment().omp_num_threads, own_cores()).num_threads);
  auto& models = start.models;
  for (size_t i = 0; i < models.size(); ++i) models[i].images_NHWC = read_images(start.stores[i]);
  auto report = evaluate(models, make_reference(start, config.eval.statistics),
                         {.space = start.space, .num_resamples = config.eval.bootstrap});
  if (start.statistics) {
    report["notes"].push_back(fmt::format("the models' {} distance is to the mean and covariance of {}",
                                          report["distance"].get<std::string>(), config.eval.statistics));
  }
  write_report(start.report_file, report, models, config.eval.picture_rows);
  if (invocation.is_json) {
    print_json(report);
  } else {
    print_out(markdown_table(report));
  }
  return kExitDone;
}

}  // namespace

Command eval_command() {
  return {.name = "eval",
          .help = "scores drawn images: faithfulness to their captions, distance to held-out images",
          .run = eval,
          .sections = {"run", "eval"}};
}

}  // namespace fgm
