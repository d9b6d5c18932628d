#include "data/text/label_encoder.h"

#include "core/base/error.h"
#include "core/base/text.h"

namespace fgm {

LabelEncoder::LabelEncoder(const TextConfig& config) : config_(config) {
  for (const auto& name : config.label_names()) class_of_.emplace(name, std::ssize(class_of_));
}

std::optional<int64_t> LabelEncoder::class_of(const std::string& caption) const {
  if (caption.empty()) return std::nullopt;
  const auto found = class_of_.find(caption);
  if (found != class_of_.end()) return found->second;
  const auto near = nearest(caption, config_.label_names());
  throw ConfigError(fmt::format("caption '{}' is no class of text.labels = {}{}", printable(caption), config_.labels,
                                near ? fmt::format("; did you mean '{}'?", *near) : ""));
}

Conditioning LabelEncoder::encode(std::span<const std::string> captions) const {
  const auto batch = std::ssize(captions);
  Conditioning out{at::zeros({batch, config_.num_tokens, config_.context_width}, at::kFloat),
                   at::zeros({batch, config_.pooled_width}, at::kFloat)};
  float* pooled_P = out.pooled_BP.data_ptr<float>();
  for (const auto& caption : captions) {
    if (const auto number = class_of(caption)) pooled_P[*number] = 1.0f;
    pooled_P += config_.pooled_width;
  }
  return out;
}

}  // namespace fgm
