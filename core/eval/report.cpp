#include "core/eval/report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/error.h"
#include "core/base/version.h"
#include "core/eval/captions.h"
#include "core/eval/comparison_sheet.h"
#include "core/eval/diversity.h"
#include "core/eval/kernel_distance.h"
#include "core/eval/resampling.h"
#include "core/eval/shapes/faithfulness.h"
#include "core/io/file.h"
#include "core/io/png.h"

namespace fgm {
namespace {

using Json = nlohmann::ordered_json;
using Judgements = std::vector<shapes::Judgement>;

// A model's images as the features and the detector see them.
struct SeenModel {
  at::Tensor features_ND;
  std::optional<Judgements> judgements;
  std::vector<LayoutCounts> layouts;
  std::optional<double> spread;
};

SeenModel see(const ModelSamples& model, const ImagesByCaption& captions, const FeatureSpace& space) {
  SeenModel seen{features_of(space, model.images_NHWC), shapes::judge(model.prompts, model.images_NHWC), {}, {}};
  if (seen.judgements) seen.layouts = count_layouts(captions, *seen.judgements);
  seen.spread = spread_within(captions, seen.features_ND);
  return seen;
}

// The more, the better: by the detector where it can judge, else by the distance to the reference.
double merit_of(const SeenModel& seen, const Reference& reference) {
  if (seen.judgements) return shapes::scores_of(*seen.judgements).overall();
  return -frechet_distance(fit_gaussian(seen.features_ND), reference.gaussian);
}

size_t choose_opponent(std::span<const ModelSamples> models, std::span<const SeenModel> seen,
                       const Reference& reference) {
  size_t best = 0;
  std::optional<double> best_merit;
  for (size_t i = 0; i < models.size(); ++i) {
    if (!models[i].name.starts_with("teacher")) continue;
    const double merit = merit_of(seen[i], reference);
    if (best_merit && merit <= *best_merit) continue;
    best = i;
    best_merit = merit;
  }
  return best;
}

Json to_json(const std::optional<Interval>& interval) {
  return interval ? Json{interval->low, interval->high} : Json();
}

template <typename Number>
Json to_json(const std::optional<Number>& number) {
  return number ? Json(*number) : Json();
}

// The captions of one category, each with its number of faithful images and of images. Of a whole category the images
// one by one: what is uncertain there is the noise, for there are no other captions.
Stratum faithful_of(shapes::Category category, const ImagesByCaption& captions, const Judgements& judgements) {
  const bool is_whole = shapes::is_whole(category);
  Stratum stratum;
  for (const auto& images : captions) {
    if (judgements[images[0]].category != category) continue;
    for (size_t i = 0; i < images.size(); ++i) {
      if (i == 0 || is_whole) stratum.emplace_back();
      stratum.back().sum += judgements[images[i]].is_faithful;
      ++stratum.back().weight;
    }
  }
  return stratum;
}

void add_faithfulness(Json& out, const ImagesByCaption& captions, const Judgements& judgements, int64_t num_resamples) {
  const auto scores = shapes::scores_of(judgements);
  std::vector<Stratum> strata;
  Json values, intervals;
  for (const auto& category : scores.categories) {
    const std::string name(shapes::kCategoryNames[static_cast<size_t>(category.category)]);
    strata.push_back(faithful_of(category.category, captions, judgements));
    values[name] = category.value();
    intervals[name] = to_json(bootstrap_interval(std::span(&strata.back(), 1), num_resamples));
  }
  out["overall"] = scores.overall();
  out["overall_interval"] = to_json(bootstrap_interval(strata, num_resamples));
  out["categories"] = std::move(values);
  out["category_intervals"] = std::move(intervals);
}

std::optional<double> share_undecided(const Judgements& judgements) {
  double objects = 0, undecided = 0;
  for (const auto& judgement : judgements) {
    objects += static_cast<double>(judgement.objects.num_objects);
    undecided += static_cast<double>(judgement.objects.num_undecided);
  }
  if (objects == 0) return std::nullopt;
  return undecided / objects;
}

void add_distances(Json& out, const Gaussian& ours, const at::Tensor& features_ND, const Reference& reference) {
  out["frechet"] = frechet_distance(ours, reference.gaussian);
  if (!reference.features_MD.defined()) return;
  const auto kid = kernel_distance(features_ND, reference.features_MD);
  out["kid"] = kid.value;
  out["kid_error"] = to_json(kid.error);
}

Json diversity_of(const SeenModel& seen, const SeenModel& opponent, int64_t num_resamples) {
  Json out;
  const auto captions = layouts_against(seen.layouts, opponent.layouts);
  if (!captions.empty()) {
    const std::span strata(&captions, 1);
    out["layouts"] = to_json(mean_layouts(seen.layouts));
    out["layouts_ratio"] = mean_of_strata(strata);
    out["layouts_ratio_interval"] = to_json(bootstrap_interval(strata, num_resamples));
  }
  if (seen.spread) {
    out["spread"] = *seen.spread;
    if (*opponent.spread > 0) out["spread_ratio"] = *seen.spread / *opponent.spread;
  }
  return out;
}

// Some images of the reference against the others, as the models' images are measured against all of it.
Json floor_of(const at::Tensor& features_MD, int64_t num_samples) {
  const int64_t num_images = std::min(num_samples, features_MD.size(0) / 2);
  const auto order = shuffled(features_MD.size(0), "eval.floor");
  const auto some = features_MD.index_select(0, order.narrow(0, 0, num_images));
  const auto others = features_MD.index_select(0, order.slice(0, num_images));
  Json out{{"images", num_images}, {"against", others.size(0)}};
  add_distances(out, fit_gaussian(some), some, {fit_gaussian(others), others});
  return out;
}

std::vector<std::string> notes_on(const SeenModel& seen, const Reference& reference, int64_t num_samples,
                                  const Json& report) {
  std::vector<std::string> notes;
  if (!seen.spread) {
    notes.push_back("no diversity: every caption has one image; `fgm sample --sample.per_prompt 10` draws ten of each");
  } else if (seen.judgements) {
    for (const auto& [name, model] : report["models"].items()) {
      if (model["diversity"].contains("layouts")) continue;
      notes.push_back(fmt::format("no layouts of {}: no caption has two faithful images both of it and of {}", name,
                                  report["opponent"].get<std::string>()));
    }
  }
  if (!reference.features_MD.defined()) {
    notes.push_back("no KID and no floor: the reference is mean and covariance alone");
  } else if (!report.contains("floor")) {
    notes.push_back("no floor: the reference has fewer than four images");
  } else if (report["floor"]["images"] < num_samples) {
    const auto& floor = report["floor"];
    notes.push_back(
        fmt::format("the reference has {} images, fewer than twice the {} samples: the floor is {} of them against the "
                    "other {}, and its Frechet distance higher than with {} against {}",
                    reference.features_MD.size(0), num_samples, floor["images"].get<int64_t>(),
                    floor["against"].get<int64_t>(), num_samples, num_samples));
  }
  return notes;
}

Json evaluate_model(const ModelSamples& model, const SeenModel& seen, const SeenModel& opponent,
                    const ImagesByCaption& captions, const Reference& reference, int64_t num_resamples) {
  Json out;
  if (seen.judgements) add_faithfulness(out, captions, *seen.judgements, num_resamples);
  add_distances(out, fit_gaussian(seen.features_ND), seen.features_ND, reference);
  if (auto diversity = diversity_of(seen, opponent, num_resamples); !diversity.empty()) out["diversity"] = diversity;
  if (seen.judgements) out["undecided"] = to_json(share_undecided(*seen.judgements));
  out["steps"] = model.steps;
  out["evaluations"] = model.evaluations;
  out["ms_per_image"] = model.ms_per_image;
  return out;
}

}  // namespace

Reference reference_of(const FeatureSpace& space, const at::Tensor& images_NHWC) {
  auto features = features_of(space, images_NHWC);
  return {fit_gaussian(features), features};
}

void check_evaluation(std::span<const ModelSamples> models, const at::Tensor& held_out_NHWC) {
  require_comparable(models);
  const auto drawn = models[0].images_NHWC.sizes();
  require<ConfigError>(
      drawn[1] >= 8 && drawn[2] >= 8 && drawn[0] >= 2,
      "a distance of sets of images needs two of at least 8 x 8 pixels: there are {} samples of {} x {}", drawn[0],
      drawn[1], drawn[2]);
  if (!held_out_NHWC.defined()) return;
  const auto held_out = held_out_NHWC.sizes();
  require<ConfigError>(drawn.slice(1) == held_out.slice(1),
                       "a Frechet distance needs images of one size: the samples are {}, the reference {}",
                       fmt::join(drawn.slice(1), " x "), fmt::join(held_out.slice(1), " x "));
  require<ConfigError>(held_out[0] >= 2, "a Frechet distance needs two images of reference, there are {}", held_out[0]);
}

Json evaluate(std::span<const ModelSamples> models, const Reference& reference, const EvalSettings& settings) {
  check_evaluation(models, {});
  const auto& prompts = models[0].prompts;
  const auto captions = images_by_caption(prompts);
  std::vector<SeenModel> seen;
  for (const auto& model : models) seen.push_back(see(model, captions, settings.space));
  const size_t opponent = choose_opponent(models, seen, reference);
  Json report;
  for (size_t i = 0; i < models.size(); ++i) {
    report["models"][models[i].name] =
        evaluate_model(models[i], seen[i], seen[opponent], captions, reference, settings.num_resamples);
    report["config"][models[i].name] = models[i].config;
  }
  const auto num_samples = std::ssize(prompts);
  const auto& real = reference.features_MD;
  if (real.defined() && real.size(0) >= 4) report["floor"] = floor_of(real, num_samples);
  report["opponent"] = models[opponent].name;
  report["prompts"] = captions.size();
  report["samples"] = num_samples;
  report["features"] = settings.space.name;
  report["distance"] = settings.space.is_fid ? "fid" : "frechet";
  report["notes"] = notes_on(seen[opponent], reference, num_samples, report);
  report["commit"] = version_commit();
  return report;
}

void write_report(const std::filesystem::path& path, const Json& report, std::span<const ModelSamples> models,
                  int64_t num_rows) {
  const auto beside = [&](const char* extension) { return std::filesystem::path(path).replace_extension(extension); };
  write_png(beside(".png"), comparison_sheet(models, num_rows));
  write_file(beside(".md"), markdown_table(report));
  write_file(path, report.dump(2) + "\n");
}

}  // namespace fgm
