// What is optimised and how: [train], [teacher], [method] and the parts that they share.
#include <algorithm>
#include <limits>

#include "core/base/error.h"
#include "core/config/sections.h"

namespace fgm {

void TimeConfig::visit(FieldVisitor& v, const std::string& prefix) {
  v.choice(prefix + ".time_law", law, {"uniform", "logit_normal"}, "law of the training time t (0 data, 1 noise)",
           OnResume::kWarn);
  v.field(prefix + ".time_mean", mean, "logit_normal: mean of the normal inside the sigmoid", OnResume::kWarn);
  v.field(prefix + ".time_std", std, "logit_normal: its standard deviation", OnResume::kWarn);
}

void TimeConfig::validate(const std::string& prefix) const {
  require<ConfigError>(std > 0.0, "{}.time_std = {} is not above 0", prefix, std);
}

namespace {

void require_decays(const std::vector<double>& decays, const std::string& key) {
  require<ConfigError>(!decays.empty(), "{} is empty; 0 means no average", key);
  const auto text = [&] { return fmt::format("{} = {}", key, fmt::join(decays, ",")); };
  for (const double decay : decays) {
    require<ConfigError>(decay >= 0.0 && decay < 1.0, "{} = {} is not in [0, 1)", key, decay);
    require<ConfigError>(decay > 0.0 || decays.size() == 1,
                         "{}: 0 means no average and stands alone; take it out of the list", text());
    require<ConfigError>(std::ranges::count(decays, decay) == 1,
                         "{} has the decay {} twice, and averages are told apart by their decays", text(), decay);
  }
}

}  // namespace

void OptimizerConfig::visit(FieldVisitor& v, const std::string& prefix) {
  v.field(prefix + ".lr", lr, "peak learning rate", OnResume::kWarn);
  v.field(prefix + ".beta1", beta1, "Adam: decay of the first moment; 0 keeps none", OnResume::kRefuseZeroOrNot);
  v.field(prefix + ".beta2", beta2, "Adam: decay of the second moment", OnResume::kWarn);
  v.field(prefix + ".eps", eps, "Adam: added to the root of the second moment", OnResume::kWarn);
  v.field(prefix + ".weight_decay", weight_decay, "AdamW: decoupled weight decay", OnResume::kWarn);
  v.field(prefix + ".clip", clip, "largest L2 norm of the gradient; 0 = no clipping", OnResume::kWarn);
  v.field(prefix + ".warmup", warmup, "steps of linear warm-up", OnResume::kWarn);
  v.choice(prefix + ".schedule", schedule, {"constant", "cosine"}, "learning rate after the warm-up", OnResume::kWarn);
  v.field(prefix + ".ema", ema, "decays of the weights' moving averages; 0 = no average", OnResume::kRefuseZeroOrNot);
}

void OptimizerConfig::validate(const std::string& prefix) const {
  require<ConfigError>(lr > 0.0, "{}.lr = {} is not above 0", prefix, lr);
  require<ConfigError>(beta1 >= 0.0 && beta1 < 1.0, "{}.beta1 = {} is not in [0, 1)", prefix, beta1);
  require<ConfigError>(beta2 >= 0.0 && beta2 < 1.0, "{}.beta2 = {} is not in [0, 1)", prefix, beta2);
  require<ConfigError>(eps > 0.0, "{}.eps = {} is not above 0", prefix, eps);
  require<ConfigError>(weight_decay >= 0.0, "{}.weight_decay = {} is negative", prefix, weight_decay);
  require<ConfigError>(clip >= 0.0, "{}.clip = {} is negative; 0 means no clipping", prefix, clip);
  require<ConfigError>(warmup >= 0, "{}.warmup = {} is negative", prefix, warmup);
  require_decays(ema, prefix + ".ema");
}

void TrainConfig::visit(FieldVisitor& v) {
  v.field("train.steps", steps, "optimizer steps", OnResume::kWarn);
  v.field("train.batch", batch, "images of one step, all ranks together");
  v.field("train.caption_dropout", caption_dropout, "chance that a caption is replaced by the empty one",
          OnResume::kWarn);
  time.visit(v, "train");
  optimizer.visit(v, "optimizer");
}

void TrainConfig::validate() const {
  require<ConfigError>(steps >= 1, "train.steps = {} is not at least 1", steps);
  require<ConfigError>(batch >= 1, "train.batch = {} is not at least 1", batch);
  require<ConfigError>(caption_dropout >= 0.0 && caption_dropout <= 1.0, "train.caption_dropout = {} is not in [0, 1]",
                       caption_dropout);
  time.validate("train");
  optimizer.validate("optimizer");
}

void TeacherConfig::visit(FieldVisitor& v) {
  v.field("teacher.weights", weights,
          "the teacher: a run's folder, a file or folder of Stable Diffusion 3 weights, or a U-Net's file",
          OnResume::kIgnore);
  v.field("teacher.replicate", replicate, "every rank holds the whole teacher instead of a shard", OnResume::kIgnore);
  v.choice("teacher.dtype", dtype, {"fp32", "bf16"}, "what the teacher is held and computed in; bf16 is slow on a CPU",
           OnResume::kWarn);
}

void TeacherConfig::validate() const {}

void MethodConfig::visit(FieldVisitor& v) {
  v.field("method.steps", steps, "student updates", OnResume::kWarn);
  v.field("method.batch", batch, "samples of one update, all ranks together");
  v.choice("method.loss", loss, {"fgm", "dmd", "realuid", "regression"},
           "the student's loss: fgm; dmd = its L2 without the gradients through teacher and estimator; realuid = fgm "
           "with real images; regression = towards the teacher's samples that `fgm pairs` wrote",
           OnResume::kWarn);
  v.field("method.lambda_1", lambda_1, "fgm: weight of L1 beside L2 in the student's loss; 1 = theorem, 0 = FGM",
          OnResume::kWarn);
  v.field("method.realuid_alpha", realuid_alpha,
          "realuid: alpha, the share of the teacher's target; 1 = no real images", OnResume::kWarn);
  v.field("method.realuid_beta", realuid_beta, "realuid: beta, the share of the estimator's target; 1 = no real images",
          OnResume::kWarn);
  v.field("method.jacobian", jacobian,
          "share of the gradients through teacher and estimator; two values = from the first step's to the last's",
          OnResume::kWarn);
  v.field("method.init_time", init_time, "time t* at which the student turns noise into data", OnResume::kWarn);
  v.field("method.student_times", student_times,
          "times of a student of several steps, falling; empty = one step at init_time");
  v.field("method.init_mean", init_mean, "mean of the data that the student starts from, one value or one a channel");
  v.field("method.sample_size", sample_size, "side of the generated latents; 0 = as the teacher's weights say",
          OnResume::kWarn);
  v.field("method.estimator_steps", estimator_steps, "estimator updates before each student update");
  v.field("method.estimator_warmup", estimator_warmup, "first steps, in which the estimator alone learns",
          OnResume::kWarn);
  v.choice("method.weight", weight, {"uniform", "t_squared", "t_squared_one_minus_t", "normalised"},
           "weight of the student's loss over t", OnResume::kWarn);
  time.visit(v, "method");
  v.field("method.teacher_guidance", teacher_guidance, "guidance scale of the teacher; 1 = none", OnResume::kWarn);
  v.field("method.estimator_guidance", estimator_guidance, "guidance scale of the estimator; 1 = none",
          OnResume::kWarn);
  v.field("method.init", init, "weights that student and estimator start from; empty = the teacher's", OnResume::kWarn);
  v.field("method.captions", captions,
          "captions to distil on: as sample.prompts; empty = those of data.store, which is not read otherwise",
          OnResume::kWarn);
  v.field("student.init", student_init, "weights to start from: teacher, random or a path; empty = method.init",
          OnResume::kWarn);
  student.visit(v, "student");
  v.field("estimator.init", estimator_init, "weights to start from: teacher, random or a path; empty = method.init",
          OnResume::kWarn);
  estimator.visit(v, "estimator");
}

void MethodConfig::validate() const {
  require<ConfigError>(steps >= 1, "method.steps = {} is not at least 1", steps);
  require<ConfigError>(batch >= 1, "method.batch = {} is not at least 1", batch);
  require<ConfigError>(init_time > 0.0 && init_time <= 1.0, "method.init_time = {} is not in (0, 1]", init_time);
  double before = std::numeric_limits<double>::infinity();
  for (const double at : student_times) {
    require<ConfigError>(at > 0.0 && at <= 1.0, "method.student_times: {} is not in (0, 1]", at);
    require<ConfigError>(at < before, "method.student_times: {} does not lie below the time before it", at);
    before = at;
  }
  require<ConfigError>(!init_mean.empty(), "method.init_mean is empty; 0 is the mean of centred data");
  require<ConfigError>(jacobian.size() == 1 || jacobian.size() == 2,
                       "method.jacobian has {} values; give one, or the first step's and the last's", jacobian.size());
  for (const double share : jacobian) {
    require<ConfigError>(share >= 0.0 && share <= 1.0, "method.jacobian: {} is not in [0, 1]", share);
  }
  require<ConfigError>(realuid_alpha > 0.0 && realuid_alpha <= 1.0, "method.realuid_alpha = {} is not in (0, 1]",
                       realuid_alpha);
  require<ConfigError>(realuid_beta > 0.0 && realuid_beta <= 1.0, "method.realuid_beta = {} is not in (0, 1]",
                       realuid_beta);
  require<ConfigError>(realuid_alpha < 1.0 || realuid_beta == 1.0,
                       "method.realuid_alpha = 1 leaves no weight to real images, whose share method.realuid_beta = {} "
                       "speaks of; give an alpha below 1, or a beta of 1",
                       realuid_beta);
  require<ConfigError>(estimator_warmup >= 0, "method.estimator_warmup = {} is negative", estimator_warmup);
  require<ConfigError>(estimator_warmup < steps,
                       "method.estimator_warmup = {} leaves none of method.steps = {} to the student", estimator_warmup,
                       steps);
  require<ConfigError>(sample_size >= 0, "method.sample_size = {} is negative; 0 takes the teacher's", sample_size);
  require<ConfigError>(estimator_steps >= 1, "method.estimator_steps = {} is not at least 1", estimator_steps);
  require<ConfigError>(teacher_guidance >= 0.0, "method.teacher_guidance = {} is negative; 1 means no guidance",
                       teacher_guidance);
  require<ConfigError>(estimator_guidance >= 0.0, "method.estimator_guidance = {} is negative; 1 means no guidance",
                       estimator_guidance);
  time.validate("method");
  student.validate("student");
  estimator.validate("estimator");
}

}  // namespace fgm
