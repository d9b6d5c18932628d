#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/config/field_visitor.h"

// One plain struct per section of a config file. Each has defaults, one visit() table and one validate(),
// which throws ConfigError naming the key. Equations and sources: docs/fgm.md.
namespace fgm {

enum class DeviceChoice { kAuto, kCpu, kCuda };

struct RunConfig {
  std::string dir = "";
  int64_t seed = 1;
  DeviceChoice device = DeviceChoice::kAuto;
  int64_t threads = 0;
  int64_t log_every = 10;
  int64_t save_every = 500;
  int64_t sample_every = 500;
  int64_t eval_every = 0;
  std::string eval_reference = "";
  int64_t keep = 2;
  std::string resume = "auto";

  bool makes_images() const { return sample_every > 0 || eval_every > 0; }
  void visit(FieldVisitor& v);
  void validate() const;
};

// How the ranks share the networks (parallel/mesh, parallel/fsdp).
struct MeshConfig {
  int64_t shard = 0;  // 0: all ranks

  void visit(FieldVisitor& v);
  void validate() const;
};

struct ParallelConfig {
  bool recompute = false;

  void visit(FieldVisitor& v);
  void validate() const;
};

struct DataConfig {
  std::string store = "";
  int64_t prefetch = 2;
  int64_t max_bad = 0;

  void visit(FieldVisitor& v);
  void validate() const;
};

// Text conditioning by hashed words; by classes where `labels` names them; by cached embeddings where `store` is set,
// or by text encoders at work where `model` is, which then say all below them (launch/text).
struct TextConfig {
  std::string labels = "";
  std::string store = "";
  std::string model = "";
  std::string encoders = "";
  int64_t num_tokens = 12;
  int64_t context_width = 64;
  int64_t pooled_width = 64;

  bool operator==(const TextConfig&) const = default;
  std::vector<std::string> label_names() const;  // empty: captions are no classes
  std::vector<std::string> stores() const;       // empty: captions are not looked up
  bool has_embeddings() const { return !store.empty() || !model.empty(); }
  void visit(FieldVisitor& v);
  void validate() const;
};

// SD3's MM-DiT (design: docs/architecture.md); every size is a value. Width = num_heads x head_width.
struct MMDiTConfig {
  int64_t in_channels = 3;
  int64_t patch_size = 6;
  int64_t depth = 4;
  int64_t num_heads = 4;
  int64_t head_width = 32;
  int64_t mlp_ratio = 4;
  int64_t context_width = 64;  // J, diffusers' joint_attention_dim
  int64_t pooled_width = 64;   // P, diffusers' pooled_projection_dim
  int64_t pos_embed_max_size = 8;
  bool qk_norm = false;
  std::vector<int64_t> dual_attention_blocks = {};

  int64_t width() const { return num_heads * head_width; }
  void visit(FieldVisitor& v);
  void validate() const;
};

// Whose U-Net it is; core/models/unet.h says what differs.
enum class UNetFlavour { kTorchCfm, kEdm };

// U-Nets of the CIFAR-10 benchmark, of images only: the caption's pooled embedding says the class.
struct UNetConfig {
  UNetFlavour flavour = UNetFlavour::kTorchCfm;
  int64_t in_channels = 3;
  int64_t image_size = 32;
  int64_t channels = 128;
  std::vector<int64_t> channel_mult = {1, 2, 2, 2};
  int64_t num_res_blocks = 2;
  std::vector<int64_t> attention_resolutions = {16};
  int64_t num_heads = 4;
  int64_t norm_groups = 32;
  int64_t num_classes = 0;  // 0: unconditional

  bool operator==(const UNetConfig&) const = default;
  // Of each resolution, from fine to coarse: pixels on one side.
  int64_t resolution(size_t level) const { return image_size >> level; }
  void visit(FieldVisitor& v);
  void validate() const;
};

enum class ModelKind { kMMDiT, kUNet };

// Which network, and its sizes. A new kind is a struct of its own here, with its keys under "model.", and one case
// wherever ModelKind is named: in the functions below and those of core/models/model_factory.h, and in what launch/
// requires of a network's size, memory and files. Without the key `model.kind`, as in older files, it is an MM-DiT.
struct ModelConfig {
  ModelKind kind = ModelKind::kMMDiT;
  MMDiTConfig mmdit;
  UNetConfig unet;

  ModelConfig() = default;
  // NOLINTBEGIN: whoever has the sizes of a network has the kind
  ModelConfig(const MMDiTConfig& config) : mmdit(config) {}
  ModelConfig(const UNetConfig& config) : kind(ModelKind::kUNet), unet(config) {}
  // NOLINTEND

  // What every kind of network has: channels of x_t, widths of the conditioning; 0 where the network ignores it.
  int64_t in_channels() const { return kind == ModelKind::kUNet ? unet.in_channels : mmdit.in_channels; }
  int64_t context_width() const { return kind == ModelKind::kUNet ? 0 : mmdit.context_width; }
  int64_t pooled_width() const { return kind == ModelKind::kUNet ? unet.num_classes : mmdit.pooled_width; }
  // The keys of the kind that is set: where files and command lines name a kind, they do so before its other keys.
  void visit(FieldVisitor& v);
  void validate() const;
};

enum class TimeDistribution { kUniform, kLogitNormal };

// The law of the training time t in (0, 1); t = 0 is data and t = 1 is noise.
struct TimeConfig {
  TimeDistribution law = TimeDistribution::kLogitNormal;
  double mean = 0.0;  // of the normal inside the sigmoid
  double std = 1.0;

  void visit(FieldVisitor& v, const std::string& prefix);
  void validate(const std::string& prefix) const;
};

enum class Schedule { kConstant, kCosine };

struct OptimizerConfig {
  double lr = 1e-4;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0.0;
  double clip = 1.0;
  int64_t warmup = 0;
  Schedule schedule = Schedule::kConstant;
  std::vector<double> ema = {0.0};  // one moving average for each decay; {0} = none

  void visit(FieldVisitor& v, const std::string& prefix);
  void validate(const std::string& prefix) const;
};

// Teacher training by flow matching (fgm train).
struct TrainConfig {
  int64_t steps = 4000;
  int64_t batch = 128;
  double caption_dropout = 0.1;
  TimeConfig time;
  OptimizerConfig optimizer;

  void visit(FieldVisitor& v);
  void validate() const;
};

enum class FrozenDtype { kFloat32, kBFloat16 };

struct TeacherConfig {
  std::string weights = "";
  bool replicate = false;
  FrozenDtype dtype = FrozenDtype::kFloat32;

  void visit(FieldVisitor& v);
  void validate() const;
};

// Of a loss on velocities. In x_0 space the same residual is t times as large, so a uniform x_0-space weight is t^2.
// kNormalised depends on the sample as well (core/methods/distill_loss.h).
enum class LossWeight { kUniform, kTSquared, kTSquaredOneMinusT, kNormalised };

// core/methods/distill_loss.h says what each is.
enum class StudentLossKind { kFgm, kDmd, kRealUid, kRegression };

// Flow Generator Matching (fgm distill); METHOD in docs/fgm.md.
struct MethodConfig {
  int64_t steps = 300;
  int64_t batch = 64;
  StudentLossKind loss = StudentLossKind::kFgm;
  double lambda_1 = 0.0;
  double realuid_alpha = 1.0;
  double realuid_beta = 1.0;
  std::vector<double> jacobian = {1.0};
  double init_time = 1.0;
  std::vector<double> student_times = {};
  std::vector<double> init_mean = {0.0};
  int64_t sample_size = 0;
  int64_t estimator_steps = 1;
  int64_t estimator_warmup = 0;
  LossWeight weight = LossWeight::kUniform;
  TimeConfig time;
  double teacher_guidance = 1.0;
  double estimator_guidance = 1.0;
  std::string init = "";
  std::string student_init = "";
  std::string estimator_init = "";
  std::string captions = "";
  OptimizerConfig student;
  OptimizerConfig estimator;

  // A regression has no estimator and asks no teacher: its batches are a teacher's samples.
  bool is_regression() const { return loss == StudentLossKind::kRegression; }
  // The key that says where captions are drawn from.
  const char* captions_key() const { return captions.empty() ? "data.store" : "method.captions"; }
  // The batches of a step: one for each update.
  int64_t batches_per_step() const { return is_regression() ? 1 : estimator_steps + 1; }
  void visit(FieldVisitor& v);
  void validate() const;
};

enum class Layout { kFlat, kGenEval };

struct SampleConfig {
  std::string weights = "";
  std::string role = "";
  std::string vae = "";
  std::string prompts = "";
  std::string noise = "";  // a safetensors file
  int64_t steps = 28;
  double guidance = 1.0;
  double shift = 0.0;
  int64_t sample_size = 0;
  int64_t per_prompt = 1;
  int64_t batch = 1;
  std::string out = "";
  Layout layout = Layout::kFlat;

  void visit(FieldVisitor& v);
  void validate() const;
};

// Scores of finished samples (fgm eval).
struct EvalConfig {
  std::string samples = "";    // "name=store.h5,name=store.h5"
  std::string reference = "";  // a store with held-out images
  std::string report = "";
  int64_t picture_rows = 12;
  std::string features = "random-conv";
  std::string statistics = "";
  int64_t bootstrap = 1000;

  void visit(FieldVisitor& v);
  void validate() const;
};

// Captioned scenes of drawn shapes (fgm data shapes).
struct ShapesConfig {
  int64_t resolution = 24;
  int64_t count = 20000;
  int64_t held_out_count = 600;
  int64_t seed = 1;

  void visit(FieldVisitor& v);
  void validate() const;
};

}  // namespace fgm
