#include <numeric>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/eval/report.h"
#include "data/store/store.h"
#include "launch/cli/commands.h"
#include "launch/cli/output.h"
#include "launch/runtime/threads.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

at::Tensor all_images(const Store& store) {
  require<ConfigError>(store.has_images(), "{}: this store has no images to score", store.path().string());
  std::vector<int64_t> indices(static_cast<size_t>(store.size()));
  std::iota(indices.begin(), indices.end(), int64_t{0});
  return store.images(indices);
}

// The number `key` of a store's provenance, which any program may have written; 0 when there is none.
template <typename Number>
Number number_of(const nlohmann::json& provenance, const char* key) {
  const auto value = provenance.find(key);
  return value != provenance.end() && value->is_number() ? value->get<Number>() : Number{0};
}

// `entry` is "name=store.h5", a store that `fgm sample` wrote.
ModelSamples read_samples(const std::string& entry) {
  const size_t equals = entry.find('=');
  const Store store(entry.substr(equals + 1));
  const auto& provenance = store.provenance();
  require<ConfigError>(store.kind() == "samples" && provenance.contains("evaluations"),
                       "{}: a store of kind '{}'; eval.samples wants those that `fgm sample` writes",
                       store.path().string(), store.kind());
  return {.name = entry.substr(0, equals),
          .prompts = store.prompts(),
          .images_NHWC = all_images(store),
          .steps = number_of<int64_t>(provenance, "steps"),
          .evaluations = number_of<int64_t>(provenance, "evaluations"),
          .ms_per_image = number_of<double>(provenance, "ms_per_image"),
          .config = provenance};
}

int eval(const Invocation& invocation) {
  const Config& config = invocation.config;
  require<ConfigError>(!config.eval.samples.empty(), "eval.samples is not set; give name=store.h5,name=store.h5");
  require<ConfigError>(!config.eval.reference.empty(), "eval.reference is not set; give a store of held-out images");
  require<ConfigError>(!config.eval.report.empty() || !config.run.dir.empty(),
                       "neither eval.report nor --run says where the report goes");
  const fs::path report_file =
      config.eval.report.empty() ? fs::path(config.run.dir) / "report.json" : fs::path(config.eval.report);
  use_threads(choose_threads(config.run.threads, num_cores(), 1));
  std::vector<ModelSamples> models;
  for (const auto& entry : split(config.eval.samples, ',')) models.push_back(read_samples(entry));
  const auto held_out = all_images(Store(config.eval.reference));
  if (invocation.is_dry_run) return kExitDone;

  const auto report = evaluate(models, held_out);
  write_report(report_file, report, models, config.eval.picture_rows);
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
          .help = "scores drawn pictures: faithfulness to their captions, distance to held-out images",
          .run = eval,
          .sections = {"run", "eval"}};
}

}  // namespace fgm
