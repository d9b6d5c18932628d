#include "launch/inspect/tensor_stats.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <vector>

namespace fgm {
namespace {

constexpr int64_t kElementsAPiece = 1 << 15;  // as float64 a piece stays in a core's cache

// Count, mean and sum of squared deviations of what was seen so far. Pieces join by Chan, Golub and LeVeque,
// "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances" (1979).
struct Moments {
  double count = 0.0;
  double mean = 0.0;
  double squares = 0.0;
  int64_t num_non_finite = 0;

  void join(const Moments& other) {
    num_non_finite += other.num_non_finite;
    if (other.count == 0.0) return;
    const double total = count + other.count;
    const double difference = other.mean - mean;
    squares += other.squares + difference * difference * count * other.count / total;
    mean += difference * other.count / total;
    count = total;
  }
};

// Several sums side by side: one alone would wait for every addition.
template <typename Term>
double sum_of(std::span<const double> values, const Term& term) {
  constexpr size_t kLanes = 8;
  std::array<double, kLanes> sums{};
  size_t i = 0;
  for (; i + kLanes <= values.size(); i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) sums[lane] += term(values[i + lane]);
  }
  double sum = 0.0;
  for (; i < values.size(); ++i) sum += term(values[i]);
  for (const double lane : sums) sum += lane;
  return sum;
}

std::span<double> values_of(const at::Tensor& tensor) {
  return {tensor.mutable_data_ptr<double>(), static_cast<size_t>(tensor.numel())};
}

Moments moments_of(std::span<double> values) {
  const auto end = std::remove_if(values.begin(), values.end(), [](double v) { return !std::isfinite(v); });
  const std::span<const double> finite(values.begin(), end);
  Moments moments{.count = static_cast<double>(finite.size())};
  moments.num_non_finite = static_cast<int64_t>(values.size() - finite.size());
  if (finite.empty()) return moments;
  const double near = finite.front();  // of values far from zero the sum of their distances keeps more digits
  const double mean = near + sum_of(finite, [near](double v) { return v - near; }) / moments.count;
  moments.mean = mean;
  moments.squares = sum_of(finite, [mean](double v) { return (v - mean) * (v - mean); });
  return moments;
}

std::vector<Range> pieces_of(std::span<const Range> ranges) {
  std::vector<Range> pieces;
  for (const auto& range : ranges) {
    for (int64_t begin = range.begin; begin < range.end; begin += kElementsAPiece) {
      pieces.push_back({begin, std::min(begin + kElementsAPiece, range.end)});
    }
  }
  return pieces;
}

// The results of all pieces, joined pair by pair: the rounding grows with the logarithm of their number.
template <typename Result, typename Measure>
Result measure_pieces(std::span<const Range> ranges, const Measure& measure) {
  const auto pieces = pieces_of(ranges);
  std::vector<Result> results;
  for (const auto& piece : pieces) results.push_back(measure(piece));
  for (size_t step = 1; step < results.size(); step *= 2) {
    for (size_t i = 0; i + step < results.size(); i += 2 * step) results[i].join(results[i + step]);
  }
  return results.empty() ? Result() : results.front();
}

struct JoinedDifference : TensorDifference {
  void join(const TensorDifference& other) {
    is_identical = is_identical && other.is_identical;
    max_abs = std::max(max_abs, other.max_abs);
    max_a = std::max(max_a, other.max_a);
    squares += other.squares;
    squares_a += other.squares_a;
    num_non_finite += other.num_non_finite;
  }
};

bool are_same(double a, double b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

JoinedDifference difference_of(std::span<const double> a, std::span<const double> b) {
  JoinedDifference result;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!std::isfinite(a[i]) || !std::isfinite(b[i])) {
      result.num_non_finite += !are_same(a[i], b[i]);
      continue;
    }
    const double difference = std::abs(a[i] - b[i]);
    result.max_abs = std::max(result.max_abs, difference);
    result.max_a = std::max(result.max_a, std::abs(a[i]));
    result.squares += difference * difference;
    result.squares_a += a[i] * a[i];
  }
  return result;
}

bool have_same_bytes(const at::Tensor& a, const at::Tensor& b) {
  return std::memcmp(a.const_data_ptr(), b.const_data_ptr(), a.nbytes()) == 0;
}

std::optional<double> ratio(double difference, double reference) {
  if (difference == 0.0) return 0.0;
  if (reference == 0.0 || !std::isfinite(difference) || !std::isfinite(reference)) return std::nullopt;
  return difference / reference;
}

}  // namespace

TensorStats tensor_stats(std::span<const Range> ranges, const ReadElements& read) {
  const auto moments = measure_pieces<Moments>(ranges, [&](const Range& piece) {
    const auto values = at::empty({piece.size()}, at::kDouble);
    read(piece.begin, values);
    return moments_of(values_of(values));
  });
  TensorStats stats;
  stats.num_non_finite = moments.num_non_finite;
  if (moments.count > 0.0) {
    stats.mean = moments.mean;
    stats.std = std::sqrt(moments.squares / moments.count);
  }
  return stats;
}

TensorDifference tensor_difference(int64_t num_elements, const TensorReader& a, const TensorReader& b) {
  const Range whole{0, num_elements};
  auto joined = measure_pieces<JoinedDifference>({&whole, 1}, [&](const Range& piece) {
    const auto values_a = at::empty({piece.size()}, a.dtype);
    const auto values_b = at::empty({piece.size()}, b.dtype);
    a.read(piece.begin, values_a);
    b.read(piece.begin, values_b);
    auto result = difference_of(values_of(values_a.to(at::kDouble)), values_of(values_b.to(at::kDouble)));
    result.is_identical = a.dtype == b.dtype && have_same_bytes(values_a, values_b);
    return result;
  });
  joined.is_identical = joined.is_identical && a.dtype == b.dtype;  // an empty tensor has no piece
  return joined;
}

std::optional<double> TensorDifference::max_relative() const {
  return ratio(max_abs, max_a);
}

std::optional<double> TensorDifference::l2_relative() const {
  return ratio(std::sqrt(squares), std::sqrt(squares_a));
}

}  // namespace fgm
