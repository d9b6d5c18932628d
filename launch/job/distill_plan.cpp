#include "launch/job/distill_plan.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/io/pixels.h"
#include "core/models/model_factory.h"
#include "data/store/store.h"
#include "launch/job/distill_networks.h"
#include "launch/weights/decoder.h"
#include "parallel/mesh/shard_layout.h"

namespace fgm {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kFloatBytes = 4;

// The sizes of one network.
struct NetworkSizes {
  explicit NetworkSizes(const ModelConfig& config) {
    const auto model = make_model(config, at::TensorOptions(at::kMeta));
    for (Block* block : model->blocks()) {
      auto& numels = units.emplace_back();
      block->visit([&](const std::string&, at::Tensor& tensor) { numels.push_back(tensor.numel()); });
    }
    num_parameters = fgm::num_parameters(*model);
    model->visit_buffers([&](const std::string&, at::Tensor& tensor) { num_buffered += tensor.numel(); });
  }

  // Numbers of a rank's shard, with its padding.
  int64_t shard_numel(int num_shards, int64_t element_bytes) const {
    int64_t total = 0;
    for (const auto& numels : units) total += UnitLayout(numels, element_bytes, num_shards).shard_numel();
    return total;
  }
  int64_t largest_unit(int num_shards) const {
    int64_t largest = 0;
    for (const auto& numels : units) largest = std::max(largest, UnitLayout(numels, kFloatBytes, num_shards).numel());
    return largest;
  }

  std::vector<std::vector<int64_t>> units;  // numbers of each parameter of each unit
  int64_t num_parameters = 0;
  int64_t num_buffered = 0;
};

// How many copies of its weights training keeps: on disk the weights, Adam's moments and the average.
int64_t num_saved(const OptimizerConfig& optimizer) {
  return 2 + (optimizer.beta1 > 0.0 ? 1 : 0) + (optimizer.ema > 0.0 ? 1 : 0);
}
int64_t num_held(const OptimizerConfig& optimizer) {
  return num_saved(optimizer) + 1;  // the gradient
}
int64_t num_weights_files(const OptimizerConfig& optimizer) {
  return optimizer.ema > 0.0 ? 2 : 1;
}

// What decodes the sample grids; SD3's where there is no teacher to bring another.
int64_t decoder_bytes(const DistillStart& start) {
  const Config& config = start.config;
  if (config.run.sample_every == 0 || (!start.teacher && config.model.in_channels == kPixelChannels)) return 0;
  if (start.teacher && !start.decoder) return 0;
  int64_t numbers = 0;
  const VaeConfig vae = start.decoder ? start.decoder->config : VaeConfig();
  for (const auto& [name, shape] : vae_shapes(vae)) numbers += c10::multiply_integers(shape);
  return kFloatBytes * numbers;
}

Json state_bytes(const DistillStart& start, const NetworkSizes& sizes, int num_shards) {
  const Config& config = start.config;
  const int64_t shard_bytes = kFloatBytes * sizes.shard_numel(num_shards, kFloatBytes);
  const int64_t teacher_element = config.teacher.dtype == FrozenDtype::kBFloat16 ? 2 : kFloatBytes;
  const int teacher_shards = config.teacher.replicate ? 1 : num_shards;
  Json bytes{{"teacher", teacher_element * sizes.shard_numel(teacher_shards, teacher_element)},
             {"student", shard_bytes * num_held(config.method.student)},
             {"estimator", shard_bytes * num_held(config.method.estimator)},
             {"buffers", kFloatBytes * sizes.num_buffered},  // one position table, which the networks share
             {"gathered_unit", num_shards == 1 ? 0 : kFloatBytes * sizes.largest_unit(num_shards)},
             {"decoder", decoder_bytes(start)}};
  int64_t total = 0;
  for (const auto& [name, value] : bytes.items()) total += value.get<int64_t>();
  bytes["total"] = total;
  return bytes;
}

int64_t checkpoint_bytes(const MethodConfig& method, const NetworkSizes& sizes) {
  int64_t numbers = 0;
  for (const auto* optimizer : {&method.student, &method.estimator}) {
    numbers += sizes.num_parameters * num_saved(*optimizer) + sizes.num_buffered * num_weights_files(*optimizer);
  }
  return kFloatBytes * numbers;
}

// 77 rows of CLIP-L and CLIP-G side by side, as wide as their pooled vectors; the rest of the rows T5's; the pooled
// vectors. What is zero (CLIP's rows beyond its width) is not kept.
// `num_captions` is null where nobody knows.
Json text_bytes(const TextConfig& text, const Json& num_captions) {
  constexpr int64_t kClipRows = 77, kBytes = 2, kT5Width = 4096;
  if (text.context_width != kT5Width || text.num_tokens < kClipRows) {
    return {{"bytes_per_caption", nullptr}, {"captions", nullptr}, {"bytes", nullptr}};
  }
  const int64_t numbers = (kClipRows + 1) * text.pooled_width + (text.num_tokens - kClipRows) * text.context_width;
  Json json{{"bytes_per_caption", kBytes * numbers}, {"captions", num_captions}, {"bytes", nullptr}};
  if (!num_captions.is_null()) json["bytes"] = kBytes * numbers * num_captions.get<int64_t>();
  return json;
}

std::string gigabytes(const Json& bytes) {
  return fmt::format("{:9.3f} GB", bytes.get<double>() / 1e9);
}

std::string text_store_text(const Json& cached) {
  if (cached["bytes_per_caption"].is_null()) return "text store           none: captions are hashed words\n";
  const std::string each =
      fmt::format("text store           {:9.3f} MB for each caption", cached["bytes_per_caption"].get<double>() / 1e6);
  if (cached["bytes"].is_null()) return each + "\n";
  return each + fmt::format(", {} for {} captions\n", gigabytes(cached["bytes"]), cached["captions"].dump());
}

// What the start needs and the plan did without.
std::string missing_text(const Json& missing) {
  std::string text;
  for (const auto& line : missing) text += fmt::format("  {}\n", line.get<std::string>());
  return text.empty() ? "" : "a start needs these, and what depends on them was not checked:\n" + text;
}

std::string place_text(const Json& place) {
  const auto path = place["path"].get<std::string>();
  if (path.empty()) return "not set";
  return path + (place["is_found"].get<bool>() ? "" : " (not found)");
}

}  // namespace

Json plan_distillation(const DistillStart& start, int64_t num_ranks) {
  const Config& config = start.config;
  const Json num_captions = start.store ? Json(start.store->size()) : Json();
  const NetworkSizes sizes(config.model);
  const int64_t shard = config.mesh.shard == 0 ? num_ranks : config.mesh.shard;
  require<ConfigError>(shard >= num_ranks || num_ranks % shard == 0,
                       "mesh.shard = {} does not divide the {} ranks of this job", shard, num_ranks);
  return {{"parameters", sizes.num_parameters},
          {"mesh", {{"replicate", std::max<int64_t>(1, num_ranks / shard)}, {"shard", shard}}},
          {"device", config.run.device == DeviceChoice::kCpu ? "cpu" : "cuda"},
          {"state_bytes_per_rank", state_bytes(start, sizes, static_cast<int>(shard))},
          {"checkpoint_bytes", checkpoint_bytes(config.method, sizes)},
          {"text", text_bytes(config.text, num_captions)},
          {"teacher", {{"path", config.teacher.weights}, {"is_found", start.teacher.has_value()}}},
          {"store", {{"path", config.data.store}, {"is_found", start.store != nullptr}}},
          {"missing", start.missing}};
}

std::string plan_text(const Json& plan) {
  std::string text = fmt::format(
      "teacher.weights      {}\ndata.store           {}\nparameters           {}, in each of three networks\n"
      "mesh                 {} x {} (replicate x shard)\nstate of each rank   {} on {}, activations come on top\n",
      place_text(plan["teacher"]), place_text(plan["store"]), plan["parameters"].dump(),
      plan["mesh"]["replicate"].dump(), plan["mesh"]["shard"].dump(), gigabytes(plan["state_bytes_per_rank"]["total"]),
      plan["device"] == "cpu" ? "a CPU" : "a GPU");
  for (const auto& [name, bytes] : plan["state_bytes_per_rank"].items()) {
    if (name != "total") text += fmt::format("  {:<18} {}\n", name, gigabytes(bytes));
  }
  text += fmt::format("one checkpoint       {}\n", gigabytes(plan["checkpoint_bytes"]));
  return text + text_store_text(plan["text"]) + missing_text(plan["missing"]);
}

}  // namespace fgm
