#include "data/text/hashed_word_encoder.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <numbers>

#include "core/base/error.h"
#include "core/base/hash.h"

// J context width, L tokens, P pooled width
namespace fgm {
namespace {

// A change would give every trained network another vocabulary.
constexpr uint64_t kVocabularySeed = 1;

bool is_word_byte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x80 || std::isalnum(byte) != 0 || c == '-' || c == '\'';
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// `word` without hyphens and apostrophes at its ends.
std::string_view strip(std::string_view word) {
  const size_t begin = word.find_first_not_of("-'");
  if (begin == std::string_view::npos) return {};
  return word.substr(begin, word.find_last_not_of("-'") - begin + 1);
}

}  // namespace

std::vector<std::string> words_of(std::string_view caption) {
  std::vector<std::string> words;
  while (!caption.empty()) {
    size_t end = 0;
    while (end < caption.size() && is_word_byte(caption[end])) ++end;
    if (const auto word = strip(caption.substr(0, end)); !word.empty()) words.push_back(lower(word));
    caption.remove_prefix(std::min(end + 1, caption.size()));
  }
  return words;
}

void LongCaptions::see(std::string_view caption) {
  // A word has a character, and another between it and the next.
  if (std::ssize(caption) < 2 * num_tokens) return;
  const auto num_words = std::ssize(words_of(caption));
  if (num_words <= num_tokens) return;
  if (count++ == 0) first = caption;
  most_words = std::max(most_words, num_words);
}

HashedWordEncoder::HashedWordEncoder(const TextConfig& config)
    : config_(config),
      word_stream_(kVocabularySeed, "text.word"),
      pooled_stream_(kVocabularySeed, "text.pooled"),
      positions_LJ_(
          RandomStream(kVocabularySeed, "text.position").normal(0, 0, config.num_tokens, {config.context_width})) {}

const HashedWordEncoder::WordVectors& HashedWordEncoder::vectors_of(const std::string& word) const {
  const auto [entry, is_new] = words_.try_emplace(word);
  if (is_new) {
    const auto id = static_cast<int64_t>(hash64(word));
    entry->second = {word_stream_.normal(0, id, 1, {config_.context_width})[0],
                     pooled_stream_.normal(0, id, 1, {config_.pooled_width})[0]};
  }
  return entry->second;
}

void HashedWordEncoder::encode_words(const std::vector<std::string>& words, float* context_LJ, float* pooled_P) const {
  constexpr auto kHalfPower = std::numbers::sqrt2_v<float> / 2;
  const float* position = positions_LJ_.data_ptr<float>();
  for (size_t l = 0; l < static_cast<size_t>(config_.num_tokens); ++l) {
    const float* word = vectors_of(l < words.size() ? words[l] : "").context_J.data_ptr<float>();
    for (int64_t j = 0; j < config_.context_width; ++j) {
      *context_LJ++ = (word[j] + *position++) * kHalfPower;
    }
  }
  std::fill_n(pooled_P, config_.pooled_width, 0.0f);
  for (const auto& word : words) {
    const float* vector = vectors_of(word).pooled_P.data_ptr<float>();
    const float scale = 1.0f / std::sqrt(static_cast<float>(words.size()));
    for (int64_t p = 0; p < config_.pooled_width; ++p) pooled_P[p] += scale * vector[p];
  }
}

// Plain loops: a prefetch thread calls this, and must not take the threads that compute.
Conditioning HashedWordEncoder::encode(std::span<const std::string> captions) const {
  const auto batch = static_cast<int64_t>(captions.size());
  Conditioning out{at::empty({batch, config_.num_tokens, config_.context_width}, at::kFloat),
                   at::empty({batch, config_.pooled_width}, at::kFloat)};
  float* context = out.context_BLJ.data_ptr<float>();
  float* pooled = out.pooled_BP.data_ptr<float>();
  const std::lock_guard lock(mutex_);
  for (const auto& caption : captions) {
    const auto words = words_of(caption);
    require<ConfigError>(static_cast<int64_t>(words.size()) <= config_.num_tokens,
                         "caption '{}' has {} words, text.num_tokens = {}; raise it or shorten the caption", caption,
                         words.size(), config_.num_tokens);
    encode_words(words, context, pooled);
    context += config_.num_tokens * config_.context_width;
    pooled += config_.pooled_width;
  }
  return out;
}

}  // namespace fgm
