#include "launch/text/text_encoder.h"

#include "core/base/error.h"
#include "data/text/hashed_word_encoder.h"
#include "data/text/label_encoder.h"

namespace fgm {
namespace {

// The caption, or the first words of a long one.
std::string beginning_of(const std::string& caption) {
  constexpr size_t kShown = 100;
  if (caption.size() <= kShown) return caption;
  const size_t blank = caption.rfind(' ', kShown);
  return caption.substr(0, blank == std::string::npos ? kShown : blank) + " ...";
}

void check_labels(std::span<const std::string> captions, const TextConfig& text, const std::string& place) {
  const LabelEncoder encoder(text);
  try {
    for (const auto& caption : captions) encoder.class_of(caption);
  } catch (const ConfigError& error) {
    throw ConfigError(fmt::format("{}: {}", place, error.what()));
  }
}

}  // namespace

std::unique_ptr<const TextEncoder> make_text_encoder(const TextConfig& text) {
  if (!text.label_names().empty()) return std::make_unique<LabelEncoder>(text);
  return std::make_unique<HashedWordEncoder>(text);
}

void check_captions(std::span<const std::string> captions, const TextConfig& text, const std::string& place,
                    bool is_fixed) {
  if (!text.label_names().empty()) return check_labels(captions, text, place);
  const LongCaptions found = find_long_captions(captions, text.num_tokens);
  if (found.count == 0) return;
  const std::string advice = is_fixed ? "the weights were trained with that number: give shorter captions"
                                      : fmt::format("text.num_tokens = {} would do for all of them", found.most_words);
  throw ConfigError(fmt::format("{}: {} of {} captions are longer than text.num_tokens = {} words; the first: '{}'; {}",
                                place, found.count, captions.size(), text.num_tokens, beginning_of(found.first),
                                advice));
}

}  // namespace fgm
