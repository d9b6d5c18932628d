#pragma once

#include <optional>
#include <unordered_map>

#include "core/config/sections.h"
#include "core/nn/text_encoder.h"

namespace fgm {

// Captions that are classes: pooled is the class's unit vector, in the order of text.labels, and the context says
// nothing (zeros). The empty caption is the null condition: pooled zero.
class LabelEncoder : public TextEncoder {
 public:
  explicit LabelEncoder(const TextConfig& config);

  // The number of the caption's class; nothing for the empty caption. ConfigError naming a caption that is no class,
  // and the nearest one that is.
  std::optional<int64_t> class_of(const std::string& caption) const;

  // ConfigError as class_of().
  Conditioning encode(std::span<const std::string> captions) const override;

 private:
  TextConfig config_;
  std::unordered_map<std::string, int64_t> class_of_;
};

}  // namespace fgm
