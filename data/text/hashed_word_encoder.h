#pragma once

#include <mutex>
#include <string_view>
#include <unordered_map>

#include "core/base/rng.h"
#include "core/config/sections.h"
#include "core/nn/text_encoder.h"

namespace fgm {

// The words of a caption: lower-case ASCII, split at blanks and punctuation. Hyphens and apostrophes inside a word stay
// ("t-shirt"), as do all bytes of non-ASCII characters: capitals, blanks and quotes beyond ASCII are parts of words.
// Trained networks know words by this rule, so it must not change (docs/data_format.md).
std::vector<std::string> words_of(std::string_view caption);

// Those of the captions it is shown with more words than `num_tokens`, which an encoder of that number refuses.
struct LongCaptions {
  int64_t num_tokens = 0;
  int64_t count = 0;
  std::string first = "";
  int64_t most_words = 0;

  void see(std::string_view caption);
};

// A text encoder without weights: every word has fixed pseudo-random vectors, keyed by its hash, so captions
// mean the same on every machine and in every run, and no vocabulary is stored. With w the word's and p the
// position's vector, all of independent standard normals:
//   context[l] = (w(word l) + p(l)) / sqrt(2)      w("") in the slots after the last word
//   pooled     = sum of the words' pooled vectors / sqrt(number of words)
// Both have about unit variance. The empty caption is the null condition: all slots w(""), pooled zero.
class HashedWordEncoder : public TextEncoder {
 public:
  explicit HashedWordEncoder(const TextConfig& config);

  // ConfigError naming text.num_tokens when a caption has more words than that.
  Conditioning encode(std::span<const std::string> captions) const override;

 private:
  struct WordVectors {
    at::Tensor context_J;
    at::Tensor pooled_P;
  };
  const WordVectors& vectors_of(const std::string& word) const;
  void encode_words(const std::vector<std::string>& words, float* context_LJ, float* pooled_P) const;

  TextConfig config_;
  RandomStream word_stream_;
  RandomStream pooled_stream_;
  at::Tensor positions_LJ_;
  mutable std::mutex mutex_;  // guards words_, whose nodes never move or change
  mutable std::unordered_map<std::string, WordVectors> words_;
};

}  // namespace fgm
