#pragma once

#include <gtest/gtest.h>

#include <cmath>

#include "core/base/rng.h"
#include "core/formats/diffusers_config.h"
#include "core/io/safetensors.h"

// The C++ side of tests/golden/golden_random.py: the same weights and inputs, bit for bit, and the same projections.
namespace fgm::golden {

inline SafetensorsFile open(const std::string& name) {
  return SafetensorsFile(FGM_SOURCE_DIR "/tests/golden/" + name + ".safetensors");
}

// What the script built for `name`, by the entry `cases` of the file's metadata.
inline DiffusersConfig config_of(const SafetensorsFile& file, const std::string& name) {
  return {file.path(), nlohmann::json::parse(file.metadata().at("cases")).at(name)};
}

inline at::Tensor centred(const std::string& stream, at::IntArrayRef shape, double bound) {
  const auto uniform = RandomStream(0, stream).uniform(0, 0, shape[0], shape.slice(1));
  return (uniform * 2.0 - 1.0) * bound;
}

inline at::Tensor draw_input(const std::string& stream, at::IntArrayRef shape) {
  return centred(stream, shape, std::sqrt(3.0));
}

inline at::Tensor draw_parameter(const std::string& name_of_case, const std::string& name, at::IntArrayRef shape) {
  const auto stream = name_of_case + "/" + name;
  if (name == "pos_embed") return centred(stream, shape, 1.0);
  if (shape.size() > 1) {
    return centred(stream, shape, std::sqrt(3.0 / static_cast<double>(c10::multiply_integers(shape.slice(1)))));
  }
  return centred(stream, shape, 0.2) + (name.ends_with(".weight") ? 1.0 : 0.0);
}

// [5] float64: the Frobenius norm, then r^T T c for four random r and c of unit variance.
inline at::Tensor projections(const at::Tensor& tensor) {
  const auto matrix = tensor.detach().reshape({tensor.size(0), -1});
  const int64_t num_rows = matrix.size(0), num_columns = matrix.size(1);
  const auto rows = draw_input(fmt::format("rows/{}", num_rows), {4, num_rows});
  const auto columns =
      num_columns == 1 ? at::ones({4, 1}) : draw_input(fmt::format("columns/{}", num_columns), {4, num_columns});
  // Rows in float32 are exact to 1e-6, which is enough, and spare a copy of a gradient of 95 MB.
  const auto along_rows = at::matmul(matrix, columns.t()).to(at::kDouble);
  const auto norm = at::linalg_vector_norm(matrix, 2, {1}).to(at::kDouble).norm();
  return at::cat({norm.view({1}), (rows.to(at::kDouble) * along_rows.t()).sum(1)});
}

// Largest error relative to the largest value: both sides sum in float32, in another order.
inline void expect_close(const at::Tensor& actual, const at::Tensor& expected, double tolerance,
                         const std::string& what) {
  ASSERT_EQ(actual.sizes(), expected.sizes()) << what;
  const double scale = expected.abs().max().item<double>();
  ASSERT_GT(scale, 0.0) << what << ": an all-zero reference proves nothing";
  EXPECT_LE((actual - expected).abs().max().item<double>() / scale, tolerance) << what;
}

// A projection's typical size is the gradient's norm, and so is that of its error: an error of 1e-4 of `norm` shows.
inline void expect_projections(const at::Tensor& actual, const at::Tensor& expected, double norm,
                               const std::string& what) {
  EXPECT_LE((projections(actual) - expected).abs().max().item<double>(), 1e-4 * norm) << what;
}

// The whole gradient's norm sets the scale. An undefined gradient is zero.
inline void expect_gradient(const at::Tensor& actual, const at::Tensor& expected, const std::string& what) {
  const double norm = expected[0].item<double>();
  if (actual.defined()) {
    expect_projections(actual, expected, norm, what);
  } else {
    EXPECT_EQ(norm, 0.0) << what;
  }
}

}  // namespace fgm::golden
