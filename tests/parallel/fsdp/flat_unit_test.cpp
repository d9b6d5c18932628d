#include "parallel/fsdp/flat_unit.h"

#include <gtest/gtest.h>

#include <limits>

#include "core/base/error.h"
#include "tests/support/linear_block.h"

namespace fgm {
namespace {

struct FlatUnits : ::testing::Test {
  support::LinearBlock block{3, 5};
  const at::Tensor weight = block.weight, bias = block.bias;
  FlatUnit unit{block, 1, at::kCPU};
  const at::Tensor x = RandomStream(2, "x").normal(0, 0, 4, {5}).to(at::kDouble);

  at::Tensor flat() const {
    const auto flat = at::zeros({unit.layout().numel()}, at::kDouble);
    unit.view_of(flat, 0).copy_(weight);
    unit.view_of(flat, 1).copy_(bias);
    return flat;
  }
};

TEST_F(FlatUnits, TheBlocksParametersShowTheBufferTheyAreBoundTo) {
  unit.bind(flat());
  EXPECT_TRUE(at::equal(block.weight, weight));
  EXPECT_TRUE(at::equal(block.bias, bias));
  const auto other = flat().mul_(2);
  unit.bind(other);
  EXPECT_TRUE(at::equal(block.weight, 2 * weight));
  EXPECT_EQ(block.bias.data_ptr(), unit.view_of(other, 1).data_ptr());
}

TEST_F(FlatUnits, BindingAgainMovesNoVersion) {
  unit.bind(flat());
  const auto version = block.weight._version();
  unit.unbind();
  unit.bind(flat());
  EXPECT_EQ(block.weight._version(), version);
}

// set_data() would leave the graph on the old buffer, with stale gradients and no error.
TEST_F(FlatUnits, WhatAGraphSavedFollowsTheUnitToAnotherBuffer) {
  auto input = x.clone().set_requires_grad(true), expected = x.clone().set_requires_grad(true);
  at::sin(at::linear(expected, weight, bias)).square().sum().backward();
  const auto first = flat();
  unit.bind(first);
  const auto loss = block.forward({input})[0].square().sum();
  first.fill_(std::numeric_limits<double>::quiet_NaN());
  unit.unbind();
  unit.bind(flat());
  loss.backward();
  EXPECT_TRUE(at::equal(input.grad(), expected.grad()));
}

TEST_F(FlatUnits, ParametersOfAnUnboundUnitHaveNoAddress) {
  unit.bind(flat());
  ASSERT_NE(block.weight.storage().data(), nullptr);
  unit.unbind();
  EXPECT_EQ(block.weight.storage().data(), nullptr);
}

TEST_F(FlatUnits, AUnitKeepsTheMemoryItIsBoundTo) {
  unit.bind(flat());
  const auto churn = at::full({unit.layout().numel()}, 7.0, at::kDouble);
  EXPECT_TRUE(at::equal(block.weight, weight));
}

TEST_F(FlatUnits, RefusesABufferOfAnotherSizeOrDtype) {
  EXPECT_THROW(unit.bind(at::zeros({unit.layout().numel() + 1}, at::kDouble)), Error);
  EXPECT_THROW(unit.bind(at::zeros({unit.layout().numel()}, at::kFloat)), Error);
}

TEST(FlatUnit, RefusesParametersOfSeveralDtypesAndNamesTheBlock) {
  support::LinearBlock block(3, 5);
  block.bias = block.bias.to(at::kFloat);
  try {
    FlatUnit unit(block, 1, at::kCPU);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("block linear mixes parameters of Double and Float"), std::string::npos);
  }
}

}  // namespace
}  // namespace fgm
