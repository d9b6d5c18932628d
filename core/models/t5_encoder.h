#pragma once

#include <cstdint>

#include "core/nn/network.h"

// N prompts, T tokens, J width, H heads.
namespace fgm {

// The sizes of T5-v1.1-XXL.
struct T5Config {
  int64_t vocab_size = 32128;
  int64_t width = 4096;
  int64_t num_layers = 24;
  int64_t num_heads = 64;
  int64_t head_width = 64;  // heads and their width do not make up the network's
  int64_t mlp_width = 10240;
  int64_t num_buckets = 32;    // of relative positions
  int64_t max_distance = 128;  // from which on they are one bucket
  double norm_eps = 1e-6;

  void validate() const;  // ConfigError
};

// The bucket of each relative position of two of `length` tokens, [T of q, T of k] int64: half of them for keys behind
// the query; near ones each their own, far ones logarithmically wide. transformers'
// T5Attention._relative_position_bucket (bidirectional), with its float32 logarithm, which decides at the boundaries.
at::Tensor t5_position_buckets(const T5Config& config, int64_t length, at::Device device);

// The encoder of T5 v1.1 (Raffel et al., arXiv 1910.10683; Shazeer, arXiv 2002.05202), as transformers' T5EncoderModel
// without an attention mask, so that padding takes part. Blocks: "embed" (with the position bias that all layers
// share), one a layer, "final". Parameter names are T5EncoderModel's. For use only: it gives no gradients.
//
// float16 follows transformers: the MLP's output projection and, from there on, the sum of the layers are in float32,
// and infinities before are clamped. The projection's values are held in float16 nevertheless, which loses nothing of
// files of 16 bits.
class T5Encoder : public BlockSequence {
 public:
  // ConfigError when the sizes do not fit together. Parameters are allocated, not initialised. float32, bfloat16 or
  // float16.
  T5Encoder(const T5Config& config, const at::TensorOptions& options);

  // ids [N, T] int64 with their padding, on the parameters' device; returns [N, T, J] in the parameters' dtype.
  // ConfigError when the ids are not of this vocabulary.
  at::Tensor encode(const at::Tensor& ids_NT);

 private:
  T5Config config_;
};

}  // namespace fgm
