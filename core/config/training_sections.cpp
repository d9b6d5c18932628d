// What is optimised and how: [train], [teacher], [method] and the parts that they share.
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

void OptimizerConfig::visit(FieldVisitor& v, const std::string& prefix) {
  v.field(prefix + ".lr", lr, "peak learning rate", OnResume::kWarn);
  v.field(prefix + ".beta1", beta1, "Adam: decay of the first moment; 0 keeps none", OnResume::kRefuseZeroOrNot);
  v.field(prefix + ".beta2", beta2, "Adam: decay of the second moment", OnResume::kWarn);
  v.field(prefix + ".eps", eps, "Adam: added to the root of the second moment", OnResume::kWarn);
  v.field(prefix + ".weight_decay", weight_decay, "AdamW: decoupled weight decay", OnResume::kWarn);
  v.field(prefix + ".clip", clip, "largest L2 norm of the gradient; 0 = no clipping", OnResume::kWarn);
  v.field(prefix + ".warmup", warmup, "steps of linear warm-up", OnResume::kWarn);
  v.choice(prefix + ".schedule", schedule, {"constant", "cosine"}, "learning rate after the warm-up", OnResume::kWarn);
  v.field(prefix + ".ema", ema, "decay of the weights' moving average; 0 = no average", OnResume::kRefuseZeroOrNot);
}

void OptimizerConfig::validate(const std::string& prefix) const {
  require<ConfigError>(lr > 0.0, "{}.lr = {} is not above 0", prefix, lr);
  require<ConfigError>(beta1 >= 0.0 && beta1 < 1.0, "{}.beta1 = {} is not in [0, 1)", prefix, beta1);
  require<ConfigError>(beta2 >= 0.0 && beta2 < 1.0, "{}.beta2 = {} is not in [0, 1)", prefix, beta2);
  require<ConfigError>(eps > 0.0, "{}.eps = {} is not above 0", prefix, eps);
  require<ConfigError>(weight_decay >= 0.0, "{}.weight_decay = {} is negative", prefix, weight_decay);
  require<ConfigError>(clip >= 0.0, "{}.clip = {} is negative; 0 means no clipping", prefix, clip);
  require<ConfigError>(warmup >= 0, "{}.warmup = {} is negative", prefix, warmup);
  require<ConfigError>(ema >= 0.0 && ema < 1.0, "{}.ema = {} is not in [0, 1)", prefix, ema);
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
  v.field("teacher.weights", weights, "the teacher: a run's folder, or a file or folder of Stable Diffusion 3 weights",
          OnResume::kIgnore);
  v.field("teacher.replicate", replicate, "every rank holds the whole teacher instead of a shard", OnResume::kIgnore);
  v.choice("teacher.dtype", dtype, {"fp32", "bf16"}, "what the teacher is held and computed in; bf16 is slow on a CPU",
           OnResume::kWarn);
}

void TeacherConfig::validate() const {}

void MethodConfig::visit(FieldVisitor& v) {
  v.field("method.steps", steps, "student updates", OnResume::kWarn);
  v.field("method.batch", batch, "samples of one update, all ranks together");
  v.choice("method.loss", loss, {"fgm", "dmd"},
           "the student's loss: fgm, or dmd = its L2 without the gradients through teacher and estimator",
           OnResume::kWarn);
  v.field("method.lambda_1", lambda_1, "fgm: weight of L1 beside L2 in the student's loss; 1 = theorem, 0 = FGM",
          OnResume::kWarn);
  v.field("method.init_time", init_time, "time t* at which the student turns noise into data", OnResume::kWarn);
  v.field("method.sample_size", sample_size, "side of the generated latents; 0 = as the teacher's weights say",
          OnResume::kWarn);
  v.field("method.estimator_steps", estimator_steps, "estimator updates before each student update");
  v.choice("method.weight", weight, {"uniform", "t_squared", "t_squared_one_minus_t"},
           "weight of the student's loss over t", OnResume::kWarn);
  time.visit(v, "method");
  v.field("method.teacher_guidance", teacher_guidance, "guidance scale of the teacher; 1 = none", OnResume::kWarn);
  v.field("method.estimator_guidance", estimator_guidance, "guidance scale of the estimator; 1 = none",
          OnResume::kWarn);
  v.field("method.init", init, "weights that student and estimator start from; empty = the teacher's", OnResume::kWarn);
  student.visit(v, "student");
  estimator.visit(v, "estimator");
}

void MethodConfig::validate() const {
  require<ConfigError>(steps >= 1, "method.steps = {} is not at least 1", steps);
  require<ConfigError>(batch >= 1, "method.batch = {} is not at least 1", batch);
  require<ConfigError>(init_time > 0.0 && init_time <= 1.0, "method.init_time = {} is not in (0, 1]", init_time);
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
