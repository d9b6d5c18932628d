#include "data/store/internal/latent_reader.h"

#include <fmt/ranges.h>

#include <cmath>

#include "core/base/error.h"
#include "data/store/for_each_row.h"
#include "data/store/internal/widen.h"

namespace fgm {
namespace {

// Writes z of a latent of `count` values. A plain loop: a prefetch thread runs this, and ATen would take the threads that
// compute.
template <typename Value>
void copy_latent(const std::byte* record, bool has_logvar, float shift, float scaling, const float* eps, int64_t count,
                 float* out) {
  const auto* values = reinterpret_cast<const Value*>(record);
  for (int64_t i = 0; i < count; ++i) {
    float z = widen(values[i]);
    if (has_logvar) z += std::exp(0.5F * widen(values[count + i])) * eps[i];
    out[i] = (z - shift) * scaling;
  }
}

}  // namespace

LatentReader::LatentReader(const std::filesystem::path& path) : file_(path) {
  const auto& info = file_.info();
  const int64_t num_done = file_.count_done();
  require<IoError>(num_done == info.size(),
                   "'{}': {} of {} records are written; the same `fgm encode` again writes the rest", path.string(),
                   num_done, info.size());
  const auto vae = info.provenance.value("vae", nlohmann::json());
  const auto shift = vae.is_object() ? vae.value("shift_factor", nlohmann::json()) : nlohmann::json();
  const auto scaling = vae.is_object() ? vae.value("scaling_factor", nlohmann::json()) : nlohmann::json();
  require<IoError>(
      shift.is_number() && scaling.is_number(),
      "'{}': its provenance has no shift_factor and scaling_factor of the autoencoder; make the store again",
      path.string());
  shift_ = shift.get<float>();
  scaling_ = scaling.get<float>();
}

at::Tensor LatentReader::read(std::span<const int64_t> indices, const at::Tensor& eps) const {
  const auto& info = file_.info();
  const auto name = file_.data().path().string();
  check(!indices.empty(), "no latents of '{}' are asked for", name);
  auto shape = info.latent_shape(info.bucket_of(indices[0]));
  const int64_t count = c10::multiply_integers(shape);
  shape.insert(shape.begin(), std::ssize(indices));
  check(!info.has_logvar || (eps.sizes() == at::IntArrayRef(shape) && eps.is_contiguous()), "eps must be [{}]",
        fmt::join(shape, ", "));
  const auto out = at::empty(shape, at::kFloat);
  const auto copy = info.dtype == at::kFloat  ? copy_latent<float>
                    : info.dtype == at::kHalf ? copy_latent<at::Half>
                                              : copy_latent<at::BFloat16>;
  float* const latents = out.data_ptr<float>();
  const float* const noise = info.has_logvar ? eps.const_data_ptr<float>() : nullptr;
  for_each_row(std::ssize(indices), [&](int64_t row) {
    const int64_t index = indices[static_cast<size_t>(row)];
    check(index >= 0 && index < file_.size() && info.bucket_of(index) == info.bucket_of(indices[0]),
          "record {} of '{}' is none of the bucket of record {}", index, name, indices[0]);
    std::vector<std::byte> record(file_.record_bytes(index));
    if (!file_.read(index, record)) {
      throw DamageError(fmt::format(
          "'{}': record {} fails its check-sum; `fgm data verify` names all that do, copy or make the store again",
          name, index));
    }
    copy(record.data(), info.has_logvar, shift_, scaling_, noise == nullptr ? nullptr : noise + row * count, count,
         latents + row * count);
  });
  return out;
}

}  // namespace fgm
