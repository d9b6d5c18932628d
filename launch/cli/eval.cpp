#include <numeric>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/eval/report.h"
#include "core/io/output_path.h"
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
          .steps = provenance.value("steps", int64_t{0}),
          .evaluations = provenance.value("evaluations", int64_t{0}),
          .ms_per_image = provenance.value("ms_per_image", 0.0),
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
  check_output_file(report_file);
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
