#include "launch/text/text_encoder.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <numeric>
#include <string_view>
#include <utility>

#include "core/base/error.h"
#include "core/base/text.h"
#include "data/store/embedding_store.h"
#include "data/text/hashed_word_encoder.h"
#include "data/text/label_encoder.h"
#include "launch/text/sd3_text_encoder.h"

namespace fgm {
namespace {

// The caption, or the first words of a long one.
std::string beginning_of(const std::string& caption) {
  constexpr size_t kShown = 100;
  if (caption.size() <= kShown) return caption;
  const size_t blank = caption.rfind(' ', kShown);
  return caption.substr(0, blank == std::string::npos ? kShown : blank) + " ...";
}

// All captions; of a set that is opened by its index so many, evenly spread, that a start takes seconds.
void for_captions_to_check(const Captions& captions, const std::function<void(std::string_view)>& see) {
  constexpr int64_t kSpread = 10'000;
  if (!captions.is_indexed() || captions.size() <= kSpread) return captions.each_caption(see);
  for (int64_t i = 0; i < kSpread; ++i) see(captions.caption(i * captions.size() / kSpread));
}

void check_labels(const Captions& captions, const TextConfig& text, const std::string& place) {
  const LabelEncoder encoder(text);
  try {
    for_captions_to_check(captions, [&](std::string_view caption) { encoder.class_of(std::string(caption)); });
  } catch (const ConfigError& error) {
    throw ConfigError(fmt::format("{}: {}", place, error.what()));
  }
}

// What a store or a model says is [text]'s business.
void adopt(const EmbeddingShape& shape, TextConfig& text) {
  text.num_tokens = shape.num_tokens();
  text.context_width = shape.context_width;
  text.pooled_width = shape.pooled_width;
}

void adopt(const EmbeddingInfo& info, TextConfig& text) {
  adopt(info.shape, text);
  text.encoders = encoders_digest(info.provenance);
}

// The encoders of text.model. A number of tokens that is hashed words' was not given: T5 has as many as in a store.
Sd3Text open_model(const TextConfig& text) {
  Sd3TextOptions options;
  if (text.num_tokens != TextConfig().num_tokens) options.num_tokens = text.num_tokens;
  return Sd3Text(text.model, options);
}

std::unique_ptr<const StoredTextEncoder> open_stores(const TextConfig& text) {
  std::vector<EmbeddingStore> stores;
  for (const auto& path : text.stores()) stores.emplace_back(path);
  auto encoder = std::make_unique<const StoredTextEncoder>(std::move(stores));
  TextConfig found = text;
  adopt(encoder->stores()[0].info(), found);
  require<ConfigError>(found == text,
                       "text.store = {} holds {} rows of width {} and {} pooled (encoders {}), and {} of {} and {} "
                       "(encoders {}) are needed; give a store of the encoders that the weights were trained with",
                       text.store, found.num_tokens, found.context_width, found.pooled_width, found.encoders,
                       text.num_tokens, text.context_width, text.pooled_width, text.encoders);
  return encoder;
}

void warn_of_unknown_encoders(const StoredTextEncoder& encoder, const TextConfig& text) {
  if (encoder.stores()[0].info().provenance.value("encoders", nlohmann::json()) != kUnknownEncoders) return;
  spdlog::warn(
      "text.store = {} was imported, and whose encoders made its embeddings is not known: that the weights belong to "
      "them is taken on trust; `fgm data embeddings --like` says whose they are, and compares them",
      text.store);
}

void check_stored(const Captions& captions, const TextConfig& text, const std::string& place) {
  const auto encoder = open_stores(text);
  const bool are_its_own = std::ranges::any_of(encoder->stores(), [&](const auto& store) {
    std::error_code ignored;
    return std::filesystem::equivalent(place, store.path(), ignored);
  });
  if (are_its_own) return;
  int64_t num_missing = 0;
  std::string first;
  for_captions_to_check(captions, [&](std::string_view view) {
    std::string caption(view);
    if (!encoder->contains(caption) && num_missing++ == 0) first = std::move(caption);
  });
  if (num_missing == 0) return;
  throw ConfigError(
      fmt::format("{}: {} of {} captions are not in text.store = {}; the first: '{}'; encode them with `fgm encode`",
                  place, num_missing, captions.size(), text.store, printable(beginning_of(first))));
}

}  // namespace

TextConfig with_encoders(TextConfig text, bool is_identity_wanted) {
  if (!text.has_embeddings()) return text;
  const std::string asked = text.encoders;
  if (text.model.empty()) {
    adopt(read_embedding_info(text.stores().at(0)), text);
  } else {
    const Sd3Text model = open_model(text);
    adopt(model.shape(), text);
    if (is_identity_wanted || !asked.empty()) text.encoders = encoders_digest({{"encoders", model.identity()}});
  }
  require<ConfigError>(asked.empty() || asked == text.encoders,
                       "text.encoders = {}, and those of text.{} = {} are {}; leave it empty, or give what it is of",
                       asked, text.model.empty() ? "store" : "model", text.model.empty() ? text.store : text.model,
                       text.encoders);
  return text;
}

std::string text_store_digest(const TextConfig& text) {
  std::string digests;
  for (const auto& path : text.stores()) digests += EmbeddingStore(path).digest();
  return digests;
}

std::unique_ptr<const TextEncoder> make_text_encoder(const TextConfig& text, at::Device device) {
  if (!text.label_names().empty()) return std::make_unique<LabelEncoder>(text);
  if (!text.store.empty()) {
    auto encoder = open_stores(text);
    warn_of_unknown_encoders(*encoder, text);
    return encoder;
  }
  if (!text.model.empty()) {
    return std::make_unique<Sd3TextEncoder>(open_model(text), device.is_cpu() ? at::kFloat : at::kBFloat16, device);
  }
  return std::make_unique<HashedWordEncoder>(text);
}

double text_model_bytes(const TextConfig& text) {
  if (text.model.empty()) return 0;
  const auto bytes = bytes_of_encoders(open_text_encoders(text.model), at::kFloat);
  return std::accumulate(bytes.begin(), bytes.end(), 0.0);
}

void check_captions(const Captions& captions, const TextConfig& text, const std::string& place, bool is_fixed) {
  if (!text.label_names().empty()) return check_labels(captions, text, place);
  if (!text.store.empty()) return check_stored(captions, text, place);
  if (!text.model.empty()) return;  // what is too long is cut, as by diffusers, and named then
  LongCaptions found{.num_tokens = text.num_tokens};
  for_captions_to_check(captions, [&](std::string_view caption) { found.see(caption); });
  if (found.count == 0) return;
  const std::string advice = is_fixed ? "the weights were trained with that number: give shorter captions"
                                      : fmt::format("text.num_tokens = {} would do for all of them", found.most_words);
  throw ConfigError(fmt::format("{}: {} of {} captions are longer than text.num_tokens = {} words; the first: '{}'; {}",
                                place, found.count, captions.size(), text.num_tokens, beginning_of(found.first),
                                advice));
}

void check_captions(std::span<const std::string> captions, const TextConfig& text, const std::string& place,
                    bool is_fixed) {
  check_captions(CaptionList({captions.begin(), captions.end()}), text, place, is_fixed);
}

}  // namespace fgm
