#pragma once

#include <ATen/ATen.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "data/store/embedding_store.h"

namespace fgm {

// What a store of embeddings is laid out for.
struct EmbeddingHeader {
  std::vector<std::string> prompts;  // UTF-8, distinct, the empty one among them
  EmbeddingShape shape;
  at::ScalarType dtype = at::kFloat;  // float, half or bfloat16
  nlohmann::json provenance;          // an object; see encoders_digest()
};

// Embeddings of some records, on the CPU, of any floating-point type.
struct EmbeddingRows {
  at::Tensor clip;    // [n, clip_tokens, clip_width]
  at::Tensor t5;      // [n, t5_tokens, t5_width]; undefined where t5_width is 0
  at::Tensor pooled;  // [n, pooled_width]
};

// Writes a store of embeddings from any number of processes and over any number of starts. The file is OUT.partial
// until it is whole. One process calls prepare(); then each opens a writer and writes records of its own; when all are
// done, one calls finish(). What was killed goes on where it was after another prepare(). Errors are IoError naming the
// file, with exit_code_of() the system's reason (a full disk).
class EmbeddingWriter {
 public:
  static std::filesystem::path partial_of(const std::filesystem::path& out);

  // Lays OUT.partial out for the records of `header`; what is there of an earlier start stays. Missing folders are
  // made. ConfigError when a prompt is not UTF-8, or when what is there is for other prompts, sizes or provenance.
  static void prepare(const std::filesystem::path& out, const EmbeddingHeader& header);

  explicit EmbeddingWriter(const std::filesystem::path& out);
  ~EmbeddingWriter();

  // Those of the records [begin, end) that are not written, or whose bytes disagree with their digest. Reads those that
  // are.
  std::vector<int64_t> remaining(int64_t begin, int64_t end) const;

  // Row i belongs to records[i]. When this returns they are on the disk and marked as done: a record that was killed
  // half-way is not. Threads may write at once. DoNotRequeueError when a value is not finite in the store's dtype.
  void write(std::span<const int64_t> records, const EmbeddingRows& rows) const;

  // Gives the file its name; an older file of that name is replaced. IoError when a record is missing.
  static void finish(const std::filesystem::path& out);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fgm
