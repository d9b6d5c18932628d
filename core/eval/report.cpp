#include "core/eval/report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>

#include "core/base/error.h"
#include "core/base/version.h"
#include "core/eval/comparison_sheet.h"
#include "core/eval/frechet.h"
#include "core/eval/shapes/faithfulness.h"
#include "core/io/file.h"
#include "core/io/png.h"

namespace fgm {
namespace {

using Json = nlohmann::ordered_json;

Json evaluate_model(const ModelSamples& model, const at::Tensor& held_out_NHWC) {
  Json out;
  if (const auto scores = shapes::score(model.prompts, model.images_NHWC)) {
    out["overall"] = scores->overall();
    for (const auto& category : scores->categories) {
      const auto name = shapes::kCategoryNames[static_cast<size_t>(category.category)];
      out["categories"][std::string(name)] = category.value();
    }
  }
  out["frechet"] = frechet_distance(model.images_NHWC, held_out_NHWC);
  out["steps"] = model.steps;
  out["evaluations"] = model.evaluations;
  out["ms_per_image"] = model.ms_per_image;
  return out;
}

std::string cell(const Json& value) {
  return value.is_number_integer() ? fmt::format("{}", value.get<int64_t>())
                                   : fmt::format("{:.3f}", value.get<double>());
}

std::string row(const std::vector<std::string>& cells) {
  return fmt::format("| {} |\n", fmt::join(cells, " | "));
}

// The columns of a model's row as (title, value), categories spread out.
std::vector<std::pair<std::string, std::string>> columns(const Json& model) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto* key : {"steps", "evaluations", "ms_per_image", "overall"}) {
    if (model.contains(key)) out.emplace_back(key, cell(model[key]));
  }
  if (model.contains("categories")) {
    for (const auto& [name, value] : model["categories"].items()) out.emplace_back(name, cell(value));
  }
  out.emplace_back("frechet", fmt::format("{:.4f}", model["frechet"].get<double>()));
  return out;
}

}  // namespace

void check_evaluation(std::span<const ModelSamples> models, const at::Tensor& held_out_NHWC) {
  require_comparable(models);
  const auto drawn = models[0].images_NHWC.sizes(), held_out = held_out_NHWC.sizes();
  require<ConfigError>(drawn.slice(1) == held_out.slice(1),
                       "a Frechet distance needs images of one size: the samples are {}, the reference {}",
                       fmt::join(drawn.slice(1), " x "), fmt::join(held_out.slice(1), " x "));
  require<ConfigError>(
      drawn[1] >= 8 && drawn[2] >= 8 && drawn[0] >= 2 && held_out[0] >= 2,
      "a Frechet distance needs two images a set of at least 8 x 8 pixels: there are {} samples and {} "
      "references of {} x {}",
      drawn[0], held_out[0], drawn[1], drawn[2]);
}

Json evaluate(std::span<const ModelSamples> models, const at::Tensor& held_out_NHWC) {
  check_evaluation(models, held_out_NHWC);
  Json report;
  for (const auto& model : models) {
    report["models"][model.name] = evaluate_model(model, held_out_NHWC);
    report["config"][model.name] = model.config;
  }
  const auto& prompts = models[0].prompts;
  report["prompts"] = std::set<std::string>(prompts.begin(), prompts.end()).size();
  report["samples"] = prompts.size();
  report["features"] = kFeatureSpace;
  report["commit"] = version_commit();
  return report;
}

std::string markdown_table(const Json& report) {
  std::string table;
  for (const auto& [name, model] : report["models"].items()) {
    std::vector<std::string> titles{"model"}, cells{name};
    for (const auto& [title, value] : columns(model)) {
      titles.push_back(title);
      cells.push_back(value);
    }
    if (table.empty()) table = row(titles) + row(std::vector<std::string>(titles.size(), "---"));
    table += row(cells);
  }
  return table;
}

void write_report(const std::filesystem::path& path, const Json& report, std::span<const ModelSamples> models,
                  int64_t num_rows) {
  const auto beside = [&](const char* extension) { return std::filesystem::path(path).replace_extension(extension); };
  write_png(beside(".png"), comparison_sheet(models, num_rows));
  write_file(beside(".md"), markdown_table(report));
  write_file(path, report.dump(2) + "\n");
}

}  // namespace fgm
