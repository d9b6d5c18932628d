#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "core/formats/text_encoder_files.h"
#include "data/store/embedding_store.h"
#include "data/text/tokenizer.h"

namespace fgm {

struct Sd3TextOptions {
  int64_t t5_tokens = 77;
  // text.num_tokens: CLIP's tokens and T5's together, in place of t5_tokens; 0: not given.
  int64_t num_tokens = 0;
  // Without it, and where there is none, T5's rows are zero, as in a pipeline that was loaded without it.
  bool with_t5 = true;
};

// Prompts that do not fit into an encoder's tokens, whose ends it does not see.
struct CutPrompts {
  std::string encoder;  // "CLIP"
  int64_t length = 0;   // tokens that it sees, with its own
  int64_t count = 0;
  std::string first = {};
};

// Token ids of N prompts, int64: [N, 77] of both CLIPs, [N, T] of T5, undefined without it.
struct Sd3Ids {
  at::Tensor clip_l, clip_g, t5;
  std::vector<CutPrompts> cut;  // as of find_cut()
};

// Stable Diffusion 3's text encoders with their tokenizers: opened and compared with each other, no weights loaded.
class Sd3Text {
 public:
  // `path` as of open_text_encoders(); tokenizers are the pipeline's, and where it brings none those inside the
  // program. ConfigError, IoError.
  explicit Sd3Text(const std::string& path, const Sd3TextOptions& options = {});

  const TextEncoderFiles& encoders() const { return encoders_; }
  // Sizes of what they make. Without T5 the context is as wide as the pipeline's transformer takes it, else 4096.
  const EmbeddingShape& shape() const { return shape_; }

  Sd3Ids ids(std::span<const std::string> prompts) const;
  // One entry for each of "CLIP" and "T5" that cuts any. `should_stop` is asked before each prompt; true ends the
  // search: Error with kExitRequeue.
  std::vector<CutPrompts> find_cut(std::span<const std::string> prompts,
                                   const std::function<bool()>& should_stop) const;

  // All that an embedding depends on besides its prompt and rounding: "encoders" in a store's provenance. Reads every
  // weight.
  nlohmann::json identity() const;

 private:
  // None yet.
  CutPrompts cut_by_clip() const { return {.encoder = "CLIP", .length = shape_.clip_tokens}; }
  CutPrompts cut_by_t5() const { return {.encoder = "T5", .length = shape_.t5_tokens}; }

  TextEncoderFiles encoders_;
  std::unique_ptr<const Tokenizer> clip_l_, clip_g_, t5_;
  EmbeddingShape shape_;
};

// Bytes of the weights of CLIP-L, CLIP-G and T5, where there is one, in `dtype`.
std::vector<double> bytes_of_encoders(const TextEncoderFiles& files, at::ScalarType dtype);

// Logs what find_cut() found, a warning each.
void warn_of_cut(std::span<const CutPrompts> cut, size_t num_prompts);

}  // namespace fgm
