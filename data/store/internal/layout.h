#pragma once

#include <algorithm>
#include <array>
#include <string_view>

// The names inside a store, as docs/data_format.md lists them.
namespace fgm::layout {

inline constexpr auto kFormat = "fgm_format";
inline constexpr auto kKind = "kind";
inline constexpr auto kProvenance = "provenance";
inline constexpr auto kImagesDigest = "images_xxh128";

inline constexpr auto kPromptBlob = "prompts/blob";
inline constexpr auto kPromptOffset = "prompts/offset";
inline constexpr auto kPromptLength = "prompts/length";
inline constexpr auto kPromptHash = "prompts/xxh64";
inline constexpr auto kImages = "images";

inline constexpr std::string_view kCaptionsOnly = "captions";
inline constexpr std::array<std::string_view, 3> kKinds = {kCaptionsOnly, "images", "samples"};

inline bool is_kind(std::string_view kind) {
  return std::ranges::find(kKinds, kind) != kKinds.end();
}
inline bool kind_has_images(std::string_view kind) {
  return kind != kCaptionsOnly;
}

}  // namespace fgm::layout
