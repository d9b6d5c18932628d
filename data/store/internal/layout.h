#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "data/hdf5/h5_file.h"

// The names inside a store, as docs/data_format.md lists them.
namespace fgm::layout {

inline constexpr auto kFormat = "fgm_format";
inline constexpr auto kKind = "kind";
inline constexpr auto kProvenance = "provenance";
inline constexpr auto kImagesDigest = "images_xxh128";
inline constexpr auto kSamplesDigest = "samples_xxh128";
inline constexpr auto kNoiseSeed = "noise_seed";
inline constexpr auto kContextWidth = "context_width";

inline constexpr auto kPromptBlob = "prompts/blob";
inline constexpr auto kPromptOffset = "prompts/offset";
inline constexpr auto kPromptLength = "prompts/length";
inline constexpr auto kPromptHash = "prompts/xxh64";
inline constexpr auto kImages = "images";
inline constexpr auto kSamples = "samples";
inline constexpr auto kImageDigests = "images_xxh3";
inline constexpr auto kSampleDigests = "samples_xxh3";
inline constexpr auto kClip = "text/clip";
inline constexpr auto kT5 = "text/t5";
inline constexpr auto kPooled = "text/pooled";
inline constexpr auto kRecordDigest = "text/xxh3";
inline constexpr auto kDone = "text/done";
inline constexpr auto kLatentBuckets = "latent_buckets";
inline constexpr auto kLatentChannels = "latent_channels";
inline constexpr auto kLatentsGroup = "latents";
inline constexpr auto kLatentDigest = "latents/xxh3";
inline constexpr auto kLatentDone = "latents/done";

inline constexpr std::string_view kCaptionsOnly = "captions";
inline constexpr std::string_view kPairs = "pairs";
inline constexpr std::string_view kEmbeddings = "embeddings";
inline constexpr std::string_view kLatents = "latents";
inline constexpr std::array<std::string_view, 6> kKinds = {kCaptionsOnly, "images",    "samples",
                                                           kPairs,        kEmbeddings, kLatents};

inline bool is_kind(std::string_view kind) {
  return std::ranges::find(kKinds, kind) != kKinds.end();
}

// The dataset that a kind has beside the prompts, one row a record, the attribute with its digest, and the dataset with
// a digest of each row, which older files are without. Embeddings and latents have datasets of their own
// (embedding_file.h, latent_file.h).
struct Rows {
  const char* name;
  H5Element element;
  const char* digest;
  const char* row_digests;
};
inline std::optional<Rows> rows_of(std::string_view kind) {
  if (kind == kCaptionsOnly || kind == kEmbeddings || kind == kLatents) return std::nullopt;
  if (kind == kPairs) return Rows{kSamples, H5Element::kFloat16, kSamplesDigest, kSampleDigests};
  return Rows{kImages, H5Element::kUint8, kImagesDigest, kImageDigests};
}

}  // namespace fgm::layout
