#pragma once

#include <ATen/ATen.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/nn/text_encoder.h"
#include "data/store/positioned_file.h"

namespace fgm {

// The sizes of embeddings as Stable Diffusion 3 has them. A prompt's context is the rows of CLIP, zero beyond their
// channels, and below them T5's.
struct EmbeddingShape {
  int64_t clip_tokens = 0;
  int64_t clip_width = 0;               // CLIP-L's and CLIP-G's channels side by side, without the zeros behind them
  int64_t t5_tokens = 0, t5_width = 0;  // width 0: there was no T5 encoder, and its rows are zero
  int64_t pooled_width = 0;             // P
  int64_t context_width = 0;            // J

  int64_t num_tokens() const { return clip_tokens + t5_tokens; }  // L
  bool operator==(const EmbeddingShape&) const = default;
};

// What a file of embeddings says of itself, finished or not.
struct EmbeddingInfo {
  EmbeddingShape shape;
  at::ScalarType dtype = at::kFloat;  // of the file: float, half or bfloat16
  nlohmann::json provenance;          // an object
  int64_t size = 0;                   // records
  int64_t num_done = 0;               // records that are written
};
// Reads no record. IoError as EmbeddingStore's.
EmbeddingInfo read_embedding_info(const std::filesystem::path& path);

// "encoders" of a store that another program's embeddings were imported into, of which nobody has said whose they are.
inline constexpr const char* kUnknownEncoders = "unknown";

// 16 hexadecimal digits that two stores share when the same encoders made them: of "encoders" in their provenance,
// which holds all that an embedding depends on besides its prompt, or is kUnknownEncoders.
std::string encoders_digest(const nlohmann::json& provenance);

// A read-only HDF5 store of prompts' embeddings (docs/data_format.md, format 2). Records and prompts stay on the disk
// and are read with pread; memory holds 6 bytes a prompt once the first one was looked up. All const member functions
// may run on any number of threads at once.
class EmbeddingStore {
 public:
  // IoError naming the file and what is wrong with it: as Store's, another kind, datasets that disagree, a dtype that
  // is not known, a record that is not written yet.
  explicit EmbeddingStore(const std::filesystem::path& path);
  ~EmbeddingStore();
  EmbeddingStore(EmbeddingStore&&) noexcept;
  EmbeddingStore& operator=(EmbeddingStore&&) noexcept;

  const std::filesystem::path& path() const;
  const EmbeddingInfo& info() const;
  // 32 hexadecimal digits that two stores share only with equal prompts and embeddings.
  std::string digest() const;

  // The record of a prompt, letter by letter; nothing when it is not in the store. DamageError when the prompt's
  // bytes there are damaged.
  std::optional<int64_t> find(const std::string& prompt) const;

  // Where a record's rows lie in the file: CLIP's, T5's, pooled.
  std::array<ByteRange, 3> places_of(int64_t record) const;

  // Writes a prompt's context [L, J] and pooled [P] in float32. False when the prompt is not in the store; DamageError
  // naming the record when its digest disagrees.
  bool read(const std::string& prompt, float* context_LJ, float* pooled_P) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class BlockPool;

// Looks captions up in stores: the first that has one gives it.
class StoredTextEncoder : public TextEncoder {
 public:
  // At least one store. ConfigError when they differ in sizes or encoders.
  explicit StoredTextEncoder(std::vector<EmbeddingStore> stores);
  ~StoredTextEncoder() override;

  const std::vector<EmbeddingStore>& stores() const { return stores_; }
  bool contains(const std::string& caption) const;
  // ConfigError naming a caption that is in no store; DamageError and IoError as EmbeddingStore's.
  Conditioning encode(std::span<const std::string> captions) const override;

 private:
  std::vector<EmbeddingStore> stores_;
  std::unique_ptr<const BlockPool> batches_;
};

}  // namespace fgm
