#include "core/formats/sd3_shapes.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "core/base/error.h"
#include "core/models/model_factory.h"
#include "core/models/weights.h"

namespace fgm {
namespace {

using Shape = std::vector<int64_t>;

constexpr std::array kNorms = {"x_block.attn.ln_q.weight",  "context_block.attn.ln_q.weight",
                               "x_block.attn.ln_k.weight",  "context_block.attn.ln_k.weight",
                               "x_block.attn2.ln_q.weight", "x_block.attn2.ln_k.weight"};
constexpr std::array kSecondAttention = {"x_block.attn2.qkv.weight",  "x_block.attn2.qkv.bias",
                                         "x_block.attn2.proj.weight", "x_block.attn2.proj.bias",
                                         "x_block.attn2.ln_q.weight", "x_block.attn2.ln_k.weight"};

// SD3 has something of each row; Flux nothing of the first, AuraFlow nothing of the second, a ControlNet nothing of the
// last.
constexpr std::array<std::array<const char*, 3>, 3> kSd3Signs = {{
    {"x_embedder.proj.weight", "x_embedder.proj.bias", "pos_embed"},
    {"joint_blocks.0.context_block.attn.qkv.weight", "joint_blocks.0.context_block.attn.qkv.bias",
     "joint_blocks.0.context_block.adaLN_modulation.1.weight"},
    {"final_layer.linear.weight", "final_layer.linear.bias", "final_layer.adaLN_modulation.1.weight"},
}};

std::string in_block(int64_t index, const char* rest) {
  return fmt::format("joint_blocks.{}.{}", index, rest);
}

// Looks our tensors up in an external file.
class ExternalShapes {
 public:
  ExternalShapes(const ShapeByName& file, const NamingAndPrefix& named) : file_(file), named_(named) {}

  // Also when only a part of it is there, where the file has it in parts.
  bool has(const std::string& ours) const {
    return std::ranges::any_of(names_in(named_.naming, ours),
                               [&](const std::string& name) { return file_.contains(named_.prefix + name); });
  }

  template <size_t N>
  bool has_any(int64_t block, const std::array<const char*, N>& names) const {
    return std::ranges::any_of(names, [&](const char* name) { return has(in_block(block, name)); });
  }

  // Nothing when it is missing or has another number of dimensions.
  std::optional<Shape> find(const std::string& ours, size_t num_dims) const {
    const auto it = file_.find(external_name(ours));
    const bool is_sound = it != file_.end() && it->second.size() == num_dims &&
                          std::ranges::all_of(it->second, [](int64_t size) { return size >= 1; });
    return is_sound ? std::optional(it->second) : std::nullopt;
  }

  // 1 + the largest number of a block. A number that so few tensors cannot reach is that of a surplus tensor.
  int64_t depth() const {
    int64_t depth = 1;
    for (const auto& [name, shape] : file_) {
      const int64_t block = block_of(named_, name).value_or(0);
      if (block < std::ssize(file_)) depth = std::max(depth, block + 1);
    }
    return depth;
  }

  std::string external_name(const std::string& ours) const {
    return named_.prefix + names_in(named_.naming, ours).front();
  }

 private:
  const ShapeByName& file_;
  const NamingAndPrefix& named_;
};

// What the names alone tell.
void read_structure(const ExternalShapes& shapes, MMDiTConfig& config) {
  config.depth = shapes.depth();
  config.qk_norm = false;
  config.dual_attention_blocks.clear();
  for (int64_t block = 0; block < config.depth; ++block) {
    config.qk_norm = config.qk_norm || shapes.has_any(block, kNorms);
    if (shapes.has_any(block, kSecondAttention)) config.dual_attention_blocks.push_back(block);
  }
}

// The width that most of the norms have: one of another shape is to be named, not believed.
std::optional<int64_t> norm_width(const ExternalShapes& shapes, int64_t depth) {
  std::map<int64_t, int64_t> votes;
  for (int64_t block = 0; block < depth; ++block) {
    for (const char* norm : kNorms) {
      if (const auto shape = shapes.find(in_block(block, norm), 1)) ++votes[shape->front()];
    }
  }
  if (votes.empty()) return std::nullopt;
  return std::ranges::max_element(votes, {}, [](const auto& vote) { return vote.second; })->first;
}

// Reads the sizes into a config, and gathers our names of the tensors that do not tell theirs, and what is wrong.
class SizeReader {
 public:
  SizeReader(const ShapeByName& file, const NamingAndPrefix& named, const std::optional<MMDiTConfig>& declared)
      : file_(file), shapes_(file, named), declared_(declared), config_(declared.value_or(MMDiTConfig{})) {}

  MMDiTConfig read() {
    read_structure(shapes_, config_);
    read_patches_and_heads();
    if (const auto fc1 = get_fc1(); fc1 && width_) config_.mlp_ratio = std::max<int64_t>(1, (*fc1)[0] / *width_);
    if (const auto shape = get("context_embedder.weight", 2)) config_.context_width = (*shape)[1];
    if (const auto shape = get("y_embedder.mlp.0.weight", 2)) config_.pooled_width = (*shape)[1];
    if (const auto shape = get("pos_embed", 3)) {
      config_.pos_embed_max_size = std::llround(std::sqrt(static_cast<double>((*shape)[1])));
    }
    return config_;
  }

  bool is_complete() const { return is_complete_; }
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  void read_patches_and_heads() {
    const auto patch_embed = get("x_embedder.proj.weight", 4);
    if (!patch_embed) return;
    width_ = (*patch_embed)[0];
    config_.in_channels = (*patch_embed)[1];
    config_.patch_size = (*patch_embed)[2];
    require((*patch_embed)[2] == (*patch_embed)[3], "patches of {} x {} are not square", (*patch_embed)[2],
            (*patch_embed)[3]);
    const auto by_rule = std::max<int64_t>(1, *width_ / config_.depth);
    const auto without_norms = declared_ ? declared_->head_width : by_rule;
    config_.head_width = norm_width(shapes_, config_.depth).value_or(without_norms);
    require(
        config_.head_width >= 1 && *width_ % config_.head_width == 0,
        "the width {} does not divide into heads of {} (attention_head_dim in config.json; without it, as many heads "
        "as blocks)",
        *width_, config_.head_width);
    config_.num_heads = *width_ / std::max<int64_t>(1, config_.head_width);
  }

  std::optional<Shape> get_fc1() {
    for (int64_t block = 0; block < config_.depth; ++block) {
      if (const auto shape = shapes_.find(in_block(block, "x_block.mlp.fc1.weight"), 2)) return shape;
    }
    return get(in_block(0, "x_block.mlp.fc1.weight"), 2);
  }

  std::optional<Shape> get(const std::string& ours, size_t num_dims) {
    const auto shape = shapes_.find(ours, num_dims);
    const auto it = file_.find(shapes_.external_name(ours));
    is_complete_ = is_complete_ && shape;
    if (it != file_.end()) {
      require(shape.has_value(), "{} is [{}]; {} dimensions of at least 1 are needed", it->first,
              fmt::join(it->second, ", "), num_dims);
    }
    return shape;
  }

  template <typename... Args>
  void require(bool condition, fmt::format_string<Args...> format, Args&&... args) {
    if (condition) return;
    is_complete_ = false;
    problems_.push_back(fmt::format(format, std::forward<Args>(args)...));
  }

  const ShapeByName& file_;
  ExternalShapes shapes_;
  const std::optional<MMDiTConfig>& declared_;
  MMDiTConfig config_;
  std::optional<int64_t> width_;
  bool is_complete_ = true;
  std::vector<std::string> problems_;
};

// The tensors that `file` lacks and those that it has too many, by the structure of `config` alone.
std::vector<std::string> name_problems(const ShapeByName& file, const NamingAndPrefix& named,
                                       const MMDiTConfig& config) {
  const auto of_any_size = mmdit_shapes(
      {.depth = config.depth, .qk_norm = config.qk_norm, .dual_attention_blocks = config.dual_attention_blocks});
  std::set<std::string> expected;
  for (const auto& tensor : external_tensors(of_any_size, named.naming, named.prefix)) expected.insert(tensor.name);
  std::vector<std::string> problems;
  for (const auto& name : expected) {
    if (!file.contains(name)) problems.push_back(fmt::format("{} is missing", name));
  }
  for (const auto& [name, shape] : file) {
    if (!expected.contains(name)) problems.push_back(fmt::format("{} is not in the model", name));
  }
  return problems;
}

}  // namespace

std::vector<NamingAndPrefix> find_sd3(const ShapeByName& file) {
  std::vector<std::string> endings;
  for (const auto naming : {Naming::kStability, Naming::kDiffusers}) {
    for (const char* ours : kSd3Signs.back()) std::ranges::copy(names_in(naming, ours), std::back_inserter(endings));
  }
  std::vector<NamingAndPrefix> found;
  for (const auto& prefix : prefixes_before(file, endings, kSingleFilePrefix)) {
    for (const auto naming : {Naming::kStability, Naming::kDiffusers}) {
      const NamingAndPrefix named{naming, prefix};
      const ExternalShapes shapes(file, named);
      const bool is_sd3 = std::ranges::all_of(kSd3Signs, [&](const auto& signs) {
        return std::ranges::any_of(signs, [&](const char* ours) { return shapes.has(ours); });
      });
      if (is_sd3) found.push_back(named);
    }
    if (!found.empty() && (prefix.empty() || prefix == kSingleFilePrefix)) return found;
  }
  return found;
}

std::optional<NamingAndPrefix> recognise_sd3(const ShapeByName& file) {
  const auto found = find_sd3(file);
  return found.empty() ? std::nullopt : std::optional(found.front());
}

MMDiTConfig infer_mmdit_config(const ShapeByName& file, const NamingAndPrefix& named, const std::string& place,
                               const std::optional<MMDiTConfig>& declared) {
  SizeReader sizes(file, named, declared);
  const auto config = sizes.read();
  if (declared || sizes.is_complete()) return config;
  auto problems = sizes.problems();
  std::ranges::copy(name_problems(file, named, config), std::back_inserter(problems));
  throw ConfigError(fmt::format("{}: {}; the model's sizes are unknown without these, and no shapes were compared",
                                place, fmt::join(problems, "; ")));
}

ShapeByName mmdit_shapes(const MMDiTConfig& config) {
  return shapes_of(*make_model(config, at::TensorOptions(at::kMeta)));
}

}  // namespace fgm
