#pragma once

#include <optional>

#include "core/io/composed_source.h"

// The names that an SD3 transformer's tensors have elsewhere. Our own are those of Stability's released files without
// prefix ("joint_blocks.0.x_block.attn.qkv.weight").
namespace fgm {

enum class Naming {
  kStability,  // Stability's single file (class MMDiTX)
  kDiffusers,  // diffusers' SD3Transformer2DModel: q, k and v apart, two adaLN layers with swapped halves
};

// How the names of a file are made from ours.
struct NamingAndPrefix {
  Naming naming;
  std::string prefix;
};

inline constexpr const char* kSingleFilePrefix = "model.diffusion_model.";

// What stands before a file's names, told by tensors that end like one of `endings`: `usual` first, then none, then
// what wrappers put there ("_orig_mod.", "module.", "transformer.", ...), in order.
std::vector<std::string> prefixes_before(const ShapeByName& file, const std::vector<std::string>& endings,
                                         const std::string& usual);

// The tensors of `naming` that hold our tensor `name`: q, k and v for a fused one in diffusers' naming, else one.
// ConfigError when SD3 has no tensor of that name.
std::vector<std::string> names_in(Naming naming, const std::string& name);

// The number of the block that the tensor `name` of such a file belongs to; nothing for one outside the blocks.
std::optional<int64_t> block_of(const NamingAndPrefix& named, const std::string& name);

// The same network's tensors in `naming`, each name preceded by `prefix`; their pieces are our tensors. `ours` reaches
// to the network's last block, whose swapped halves are found by its number. ConfigError as names_in().
std::vector<ComposedTensor> external_tensors(const ShapeByName& ours, Naming naming, const std::string& prefix = "");

// A checkpoint of ours as a file of `naming` would show it; nothing is held in memory.
std::shared_ptr<const TensorSource> as_external(std::shared_ptr<const TensorSource> ours, Naming naming,
                                                const std::string& prefix = "");

}  // namespace fgm
