#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "data/store/embedding_writer.h"

namespace fgm {

// CLIP's rows are 2 x 3 and T5's 4 x 5, in a context of width 5.
inline constexpr EmbeddingShape kSmallShape{2, 3, 4, 5, 6, 5};

inline EmbeddingHeader embeddings_of(std::vector<std::string> prompts, at::ScalarType dtype = at::kFloat) {
  return {.prompts = std::move(prompts), .shape = kSmallShape, .dtype = dtype, .provenance = {{"encoders", "tiny"}}};
}

// Rows for `count` records from `first` on: each value is another, and record i's are those of any other call.
inline EmbeddingRows rows_of_records(int64_t first, int64_t count, const EmbeddingShape& shape = kSmallShape) {
  const auto part = [&](std::vector<int64_t> sizes, double start) {
    const int64_t each = sizes.empty() ? 0 : sizes[1] * (sizes.size() > 2 ? sizes[2] : 1);
    return at::sin(at::arange(first * each, (first + count) * each, at::kFloat) + start).view(sizes);
  };
  return {.clip = part({count, shape.clip_tokens, shape.clip_width}, 1),
          .t5 = shape.t5_width > 0 ? part({count, shape.t5_tokens, shape.t5_width}, -50) : at::Tensor(),
          .pooled = part({count, shape.pooled_width}, 0.5)};
}

inline void write_records(const EmbeddingWriter& writer, const std::vector<int64_t>& records,
                          const EmbeddingShape& shape = kSmallShape) {
  for (const int64_t record : records) writer.write({&record, 1}, rows_of_records(record, 1, shape));
}

inline void write_embeddings(const std::filesystem::path& path, const EmbeddingHeader& header) {
  EmbeddingWriter::prepare(path, header);
  const EmbeddingWriter writer(path);
  write_records(writer, writer.remaining(0, std::ssize(header.prompts)), header.shape);
  EmbeddingWriter::finish(path);
}

inline std::string bytes_of_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void change_byte(const std::filesystem::path& path, size_t position) {
  const char old = bytes_of_file(path).at(position);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(position));
  file.put(static_cast<char>(old ^ 0x10));
}

}  // namespace fgm
