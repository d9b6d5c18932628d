#include "core/formats/weight_names.h"

#include <algorithm>
#include <array>
#include <set>

#include "core/base/error.h"
#include "core/base/number.h"

namespace fgm {
namespace {

using Modules = std::vector<std::string>;

// Source of both tables: diffusers' convert_sd3_to_diffusers.py.
const std::map<std::string, Modules> kOutsideBlocks = {
    {"x_embedder.proj", {"pos_embed.proj"}},
    {"t_embedder.mlp.0", {"time_text_embed.timestep_embedder.linear_1"}},
    {"t_embedder.mlp.2", {"time_text_embed.timestep_embedder.linear_2"}},
    {"y_embedder.mlp.0", {"time_text_embed.text_embedder.linear_1"}},
    {"y_embedder.mlp.2", {"time_text_embed.text_embedder.linear_2"}},
    {"context_embedder", {"context_embedder"}},
    {"final_layer.linear", {"proj_out"}},
    {"final_layer.adaLN_modulation.1", {"norm_out.linear"}},
};

// Below "joint_blocks.<i>." and "transformer_blocks.<i>.".
const std::map<std::string, Modules> kInBlocks = {
    {"x_block.adaLN_modulation.1", {"norm1.linear"}},
    {"x_block.attn.qkv", {"attn.to_q", "attn.to_k", "attn.to_v"}},
    {"x_block.attn.ln_q", {"attn.norm_q"}},
    {"x_block.attn.ln_k", {"attn.norm_k"}},
    {"x_block.attn.proj", {"attn.to_out.0"}},
    {"x_block.attn2.qkv", {"attn2.to_q", "attn2.to_k", "attn2.to_v"}},
    {"x_block.attn2.ln_q", {"attn2.norm_q"}},
    {"x_block.attn2.ln_k", {"attn2.norm_k"}},
    {"x_block.attn2.proj", {"attn2.to_out.0"}},
    {"x_block.mlp.fc1", {"ff.net.0.proj"}},
    {"x_block.mlp.fc2", {"ff.net.2"}},
    {"context_block.adaLN_modulation.1", {"norm1_context.linear"}},
    {"context_block.attn.qkv", {"attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"}},
    {"context_block.attn.ln_q", {"attn.norm_added_q"}},
    {"context_block.attn.ln_k", {"attn.norm_added_k"}},
    {"context_block.attn.proj", {"attn.to_add_out"}},
    {"context_block.mlp.fc1", {"ff_context.net.0.proj"}},
    {"context_block.mlp.fc2", {"ff_context.net.2"}},
};

constexpr std::string_view kBlocks = "joint_blocks.";
constexpr std::string_view kDiffusersBlocks = "transformer_blocks.";

// "<i>.<rest>"
struct NumberedName {
  int64_t number;
  std::string_view rest;
};

std::optional<NumberedName> parse_numbered(std::string_view text) {
  const auto dot = std::min(text.find('.'), text.size());
  const auto number = parse_number<uint32_t>(text.substr(0, dot));
  if (!number || dot == text.size()) return std::nullopt;
  return NumberedName{*number, text.substr(dot + 1)};
}

struct ParsedName {
  int64_t block = -1;  // -1: outside the blocks
  std::string module;  // without "joint_blocks.<i>."
  std::string kind;    // ".weight" or ".bias"; empty for pos_embed
};

ParsedName parse(const std::string& name) {
  const auto dot = name.rfind('.');
  if (dot == std::string::npos) return {-1, name, ""};
  const std::string module = name.substr(0, dot), kind = name.substr(dot);
  if (!name.starts_with(kBlocks)) return {-1, module, kind};
  const auto block = parse_numbered(std::string_view(module).substr(std::min(kBlocks.size(), module.size())));
  return block ? ParsedName{block->number, std::string(block->rest), kind} : ParsedName{-1, module, kind};
}

std::vector<std::string> diffusers_names(const std::string& name) {
  if (name == "pos_embed") return {"pos_embed.pos_embed"};
  const auto parsed = parse(name);
  const auto& table = parsed.block < 0 ? kOutsideBlocks : kInBlocks;
  const auto it = table.find(parsed.module);
  const bool is_known = it != table.end() && (parsed.kind == ".weight" || parsed.kind == ".bias");
  require<ConfigError>(is_known, "an SD3 transformer has no tensor '{}'", name);
  const auto prefix = parsed.block < 0 ? "" : fmt::format("{}{}.", kDiffusersBlocks, parsed.block);
  std::vector<std::string> names;
  for (const auto& module : it->second) names.push_back(prefix + module + parsed.kind);
  return names;
}

// Stability keeps [shift, scale] where diffusers keeps [scale, shift].
bool has_swapped_halves(const std::string& name, int64_t last_block) {
  const auto parsed = parse(name);
  return (parsed.block < 0 && parsed.module == "final_layer.adaLN_modulation.1") ||
         (parsed.block == last_block && parsed.module == "context_block.adaLN_modulation.1");
}

int64_t last_block_of(const ShapeByName& ours) {
  int64_t last = -1;
  for (const auto& [name, shape] : ours) last = std::max(last, parse(name).block);
  return last;
}

void append_external(const std::string& name, std::vector<int64_t> shape, Naming naming, int64_t last_block,
                     const std::string& prefix, std::vector<ComposedTensor>& out) {
  const auto names = names_in(naming, name);
  const auto num_names = static_cast<int64_t>(names.size());
  const int64_t size = c10::multiply_integers(shape) / num_names;
  if (num_names > 1) shape.at(0) /= num_names;
  for (int64_t i = 0; i < num_names; ++i) {
    out.push_back({prefix + names[static_cast<size_t>(i)], shape, {{name, i * size, size}}});
  }
  if (naming == Naming::kDiffusers && has_swapped_halves(name, last_block)) {
    out.back().pieces = {{name, size / 2, size / 2}, {name, 0, size / 2}};
  }
}

}  // namespace

std::vector<std::string> prefixes_before(const ShapeByName& file, const std::vector<std::string>& endings,
                                         const std::string& usual) {
  std::set<std::string> others;
  for (const auto& [name, shape] : file) {
    for (const auto& ending : endings) {
      if (name.ends_with("." + ending)) others.insert(name.substr(0, name.size() - ending.size()));
    }
  }
  others.erase(usual);
  std::vector<std::string> prefixes{usual, ""};
  prefixes.insert(prefixes.end(), others.begin(), others.end());
  return prefixes;
}

std::vector<std::string> names_in(Naming naming, const std::string& name) {
  auto diffusers = diffusers_names(name);
  return naming == Naming::kDiffusers ? diffusers : std::vector{name};
}

std::optional<int64_t> block_of(const NamingAndPrefix& named, const std::string& name) {
  const auto blocks =
      fmt::format("{}{}", named.prefix, named.naming == Naming::kStability ? kBlocks : kDiffusersBlocks);
  if (!name.starts_with(blocks)) return std::nullopt;
  const auto block = parse_numbered(std::string_view(name).substr(blocks.size()));
  return block ? std::optional(block->number) : std::nullopt;
}

std::vector<ComposedTensor> external_tensors(const ShapeByName& ours, Naming naming, const std::string& prefix) {
  std::vector<ComposedTensor> external;
  const int64_t last_block = last_block_of(ours);
  for (const auto& [name, shape] : ours) append_external(name, shape, naming, last_block, prefix, external);
  return external;
}

std::shared_ptr<const TensorSource> as_external(std::shared_ptr<const TensorSource> ours, Naming naming,
                                                const std::string& prefix) {
  const auto shapes = shapes_of(*ours);
  return compose(std::move(ours), external_tensors(shapes, naming, prefix));
}

}  // namespace fgm
