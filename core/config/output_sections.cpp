// [sample], [eval] and [shapes]: what is drawn, scored and rendered.
#include "core/base/error.h"
#include "core/config/sections.h"

namespace fgm {

void SampleConfig::visit(FieldVisitor& v) {
  v.field("sample.weights", weights,
          "the model: a run's folder, a file or folder of Stable Diffusion 3 weights, or a U-Net's file",
          OnResume::kIgnore);
  v.field("sample.role", role,
          "student_ema_0.999, ...; empty = the first of student_ema, student, teacher_ema, teacher in the folder",
          OnResume::kIgnore);
  v.field("sample.vae", vae, "the autoencoder of latents: a file or folder; empty = the one beside the weights",
          OnResume::kIgnore);
  v.field(
      "sample.prompts", prompts,
      "captions: a store, a text file with one in each line, .jsonl such as GenEval's, a .json array, .csv, .tsv, or "
      "scenes = the training captions of `fgm data shapes`",
      OnResume::kIgnore);
  v.field("sample.noise", noise,
          "safetensors file with the noise to start from: noise [N,C,H,W], row i for image i; empty = of the seed",
          OnResume::kIgnore);
  v.field("sample.steps", steps, "steps from noise to image", OnResume::kIgnore);
  v.field("sample.guidance", guidance, "guidance scale; 1 = none", OnResume::kIgnore);
  v.field("sample.shift", shift,
          "of SD3's schedule; 0 = the weights' own, or equally spaced times where they have none", OnResume::kIgnore);
  v.field("sample.sample_size", sample_size, "side of the images or latents; 0 = as the weights say",
          OnResume::kIgnore);
  v.field("sample.per_prompt", per_prompt, "images of each caption", OnResume::kIgnore);
  v.field("sample.batch", batch, "images drawn at once; images are the same bits in any list as long as it is the same",
          OnResume::kIgnore);
  v.field("sample.out", out, "what to write: a store (.h5), one image of all (.png), or a folder of images",
          OnResume::kIgnore);
  v.choice("sample.layout", layout, {"flat", "geneval"}, "of a folder", OnResume::kIgnore);
}

void SampleConfig::validate() const {
  require<ConfigError>(steps >= 1, "sample.steps = {} is not at least 1", steps);
  require<ConfigError>(guidance >= 0.0, "sample.guidance = {} is negative; 1 means no guidance", guidance);
  require<ConfigError>(shift >= 0.0, "sample.shift = {} is negative; 0 takes the weights' own", shift);
  require<ConfigError>(sample_size >= 0, "sample.sample_size = {} is negative; 0 takes the weights'", sample_size);
  require<ConfigError>(per_prompt >= 1, "sample.per_prompt = {} is not at least 1", per_prompt);
  require<ConfigError>(batch >= 1, "sample.batch = {} is not at least 1", batch);
}

void EvalConfig::visit(FieldVisitor& v) {
  v.field("eval.samples", samples, "stores of `fgm sample` to score, of the same prompts: name=store, comma-separated",
          OnResume::kIgnore);
  v.field("eval.reference", reference, "store of held-out images", OnResume::kIgnore);
  v.field("eval.report", report, "report to write; empty = report.json in run.dir", OnResume::kIgnore);
  v.field("eval.picture_rows", picture_rows, "captions shown in the side-by-side image beside the report",
          OnResume::kIgnore);
  v.field("eval.features", features, "of the Frechet distance: random-conv, efficientnet-lite0, or a TorchScript file",
          OnResume::kIgnore);
  v.field("eval.statistics", statistics,
          "mean and covariance of the reference's features, an .npz file; written where it is not there",
          OnResume::kIgnore);
  v.field("eval.bootstrap", bootstrap, "resamplings of the captions for confidence intervals; 0 = none",
          OnResume::kIgnore);
}

void EvalConfig::validate() const {
  require<ConfigError>(bootstrap >= 0, "eval.bootstrap = {} is negative; 0 gives no intervals", bootstrap);
  require<ConfigError>(picture_rows >= 1, "eval.picture_rows = {} is not at least 1", picture_rows);
}

void ShapesConfig::visit(FieldVisitor& v) {
  v.field("shapes.resolution", resolution, "pixels on one side of a scene", OnResume::kIgnore);
  v.field("shapes.count", count, "training scenes", OnResume::kIgnore);
  v.field("shapes.held_out_count", held_out_count, "scenes whose captions are kept out of training", OnResume::kIgnore);
  v.field("shapes.seed", seed, "seed of the scenes", OnResume::kIgnore);
}

void ShapesConfig::validate() const {
  require<ConfigError>(resolution >= 24 && resolution <= 32, "shapes.resolution = {} is not in [24, 32]", resolution);
  require<ConfigError>(count >= 1, "shapes.count = {} is not at least 1", count);
  require<ConfigError>(held_out_count >= 1, "shapes.held_out_count = {} is not at least 1", held_out_count);
  require<ConfigError>(seed >= 0, "shapes.seed = {} is negative", seed);
}

}  // namespace fgm
