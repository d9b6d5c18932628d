#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "core/eval/model_samples.h"

namespace fgm {

// What evaluate() refuses, by shapes alone: images may be without values (on the meta device). ConfigError as there.
void check_evaluation(std::span<const ModelSamples> models, const at::Tensor& held_out_NHWC);

// report.json:
//   models.<name>.{overall, categories.<name>, frechet, steps, evaluations, ms_per_image}, in the order
//   given; prompts, the number of different prompts; samples, the number of images of each model; features,
//   the space that `frechet` was measured in; config.<name>; commit, of the program that wrote the report.
// overall and categories (shapes::score, GenEval's protocol in miniature) stand there only when every prompt
// is a caption of the shapes grammar: for photographs a model has its Frechet distance to `held_out_NHWC`
// alone. ConfigError unless the models are comparable (require_comparable), their images have the
// size of the held-out ones, at least 8 x 8, and there are two of each.
nlohmann::ordered_json evaluate(std::span<const ModelSamples> models, const at::Tensor& held_out_NHWC);

// The report's models as a Markdown table, one row a model.
std::string markdown_table(const nlohmann::ordered_json& report);

// Writes `path` (report.json) and beside it, under the same stem, the table (.md) and the comparison sheet
// (.png) with `num_rows` prompts. Each appears whole or not at all, the JSON last. IoError on failure.
void write_report(const std::filesystem::path& path, const nlohmann::ordered_json& report,
                  std::span<const ModelSamples> models, int64_t num_rows = 12);

}  // namespace fgm
