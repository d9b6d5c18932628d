#pragma once

#include <ATen/ATen.h>

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/store/latent_info.h"

namespace fgm {

// Writes a store of latents from any number of processes and over any number of starts, as EmbeddingWriter does one of
// embeddings: the file is OUT.partial until it is whole.
class LatentWriter {
 public:
  static std::filesystem::path partial_of(const std::filesystem::path& out);

  // Lays OUT.partial out for the records of `info`, whose prompts are `prompts`, UTF-8, one a record; what is there of
  // an earlier start stays. Missing folders are made. ConfigError when a prompt is not UTF-8, or when what is there is
  // for other prompts, sizes or provenance.
  static void prepare(const std::filesystem::path& out, const LatentInfo& info, std::span<const std::string> prompts);

  explicit LatentWriter(const std::filesystem::path& out);
  ~LatentWriter();

  // Those of the records [begin, end) that are not written, or whose bytes disagree with their digest.
  std::vector<int64_t> remaining(int64_t begin, int64_t end) const;

  // Row i, [C or 2C, h, w] of its bucket, on the CPU and of any floating-point type, belongs to records[i]. When this
  // returns they are on the disk and marked as done. Threads may write at once. DoNotRequeueError when a value is not
  // finite in the store's dtype.
  void write(std::span<const int64_t> records, std::span<const at::Tensor> rows) const;

  // Gives the file its name; an older file of that name is replaced. IoError when a record is missing.
  static void finish(const std::filesystem::path& out);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fgm
