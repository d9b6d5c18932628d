#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "core/eval/feature_space.h"
#include "core/eval/frechet.h"
#include "core/eval/model_samples.h"

namespace fgm {

// Real images as a feature space sees them.
struct Reference {
  Gaussian gaussian;
  at::Tensor features_MD = {};  // undefined where there are statistics alone
};

Reference reference_of(const FeatureSpace& space, const at::Tensor& images_NHWC);

struct EvalSettings {
  FeatureSpace space = random_conv_space();
  int64_t num_resamples = 1000;  // of the captions, for intervals; 0: none
};

// Whether models can be evaluated against held-out images, by shapes alone: images may be without values (on the meta
// device); `held_out_NHWC` is undefined where there are statistics alone. ConfigError unless the models are comparable
// (require_comparable), all images have one size, at least 8 x 8, and there are two of each.
void check_evaluation(std::span<const ModelSamples> models, const at::Tensor& held_out_NHWC);

// report.json; docs/eval.md says what each figure is:
//   models.<name>.{overall, overall_interval, categories.<name>, category_intervals.<name>, frechet, kid, kid_error,
//   diversity.{layouts, layouts_ratio, layouts_ratio_interval, spread, spread_ratio}, undecided, steps, evaluations,
//   ms_per_image}, in the order given; opponent, the model that ratios are taken against: of those whose names begin
//   with "teacher" the one of the highest overall, or without one of the smallest distance, else the first model;
//   floor.{images, against, frechet, kid, kid_error}: that many images of the reference against the rest of it;
//   prompts, the number of different prompts; samples, the number of images of each model; features, the space that
//   distances were measured in; distance, "frechet" or "fid"; notes, what is missing and why; config.<name>; commit, of
//   the program that wrote the report.
// What rests on the detector (overall, categories, layouts, undecided: shapes::judge) stands there only when every
// prompt is a caption of the shapes grammar, what rests on images of one caption only where a caption has two, and what
// rests on the reference's images only when it has some. ConfigError as check_evaluation() of the models, and where the
// reference has another number of features than `settings.space`.
nlohmann::ordered_json evaluate(std::span<const ModelSamples> models, const Reference& reference,
                                const EvalSettings& settings = {});

// The report's models as a Markdown table, one row a model and one for the floor, then the notes.
std::string markdown_table(const nlohmann::ordered_json& report);

// Writes `path` (report.json) and beside it, under the same stem, the table (.md) and the comparison sheet
// (.png) with `num_rows` prompts. Each appears whole or not at all, the JSON last. IoError on failure.
void write_report(const std::filesystem::path& path, const nlohmann::ordered_json& report,
                  std::span<const ModelSamples> models, int64_t num_rows = 12);

}  // namespace fgm
