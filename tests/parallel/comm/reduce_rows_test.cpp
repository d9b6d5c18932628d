#include "parallel/comm/internal/reduce_rows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace fgm {
namespace {

TEST(ReduceRows, BFloat16SumsInFloat32AndRoundsOnce) {
  // In bfloat16 256 + 1 is 256 again; 259 lies between 258 and 260 and rounds to even.
  const auto rows = at::tensor({256.0f, 1.0f, 1.0f, 1.0f}).to(at::kBFloat16).view({4, 1});
  const auto out = at::empty({1}, at::kBFloat16);
  reduce_rows(out, rows, Reduce::kSum);
  EXPECT_EQ(out.item<float>(), 260.0f);
}

TEST(ReduceRows, AddsInTheOrderOfTheRows) {
  const auto rows = at::tensor({1e8f, 1.0f, -1e8f, 2.0f}).view({4, 1});
  const auto out = at::empty({1});
  reduce_rows(out, rows, Reduce::kSum);
  EXPECT_EQ(out.item<float>(), 2.0f) << "from left to right 1e8 swallows the 1 and not the 2";
}

TEST(ReduceRows, NanWinsInMaxAndMin) {
  const auto rows = at::tensor({1.0f, std::numeric_limits<float>::quiet_NaN(), 2.0f}).view({3, 1});
  for (const auto reduce : {Reduce::kMax, Reduce::kMin}) {
    const auto out = at::zeros({1});
    reduce_rows(out, rows, reduce);
    EXPECT_TRUE(std::isnan(out.item<float>()));
  }
}

}  // namespace
}  // namespace fgm
