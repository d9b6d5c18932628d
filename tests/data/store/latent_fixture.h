#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/store/latent_writer.h"

namespace fgm {

inline const std::vector<std::string> kLatentPrompts = {"a", "b", "a", "", "c"};

// Three latents of 4 x 6 pixels and two of 8 x 2, with shift 0.25 and scaling 2.
inline LatentInfo small_latents(at::ScalarType dtype = at::kFloat) {
  return {.buckets = {{4, 6, 3}, {8, 2, 2}},
          .channels = 2,
          .downscale = 2,
          .has_logvar = true,
          .dtype = dtype,
          .provenance = {{"vae", {{"shift_factor", 0.25}, {"scaling_factor", 2.0}}}}};
}

// A row for a record: each value is another.
inline at::Tensor latent_row(const LatentInfo& info, int64_t record) {
  const auto shape = info.row_shape(info.bucket_of(record));
  return at::sin(at::arange(c10::multiply_integers(shape), at::kFloat) + 100 * record).view(shape);
}

inline void write_latent_records(const LatentWriter& writer, const LatentInfo& info,
                                 const std::vector<int64_t>& records) {
  std::vector<at::Tensor> rows;
  for (const int64_t record : records) rows.push_back(latent_row(info, record));
  writer.write(records, rows);
}

inline void write_latents(const std::filesystem::path& path, const LatentInfo& info,
                          const std::vector<std::string>& prompts = kLatentPrompts) {
  LatentWriter::prepare(path, info, prompts);
  const LatentWriter writer(path);
  write_latent_records(writer, info, writer.remaining(0, info.size()));
  LatentWriter::finish(path);
}

}  // namespace fgm
