#include "core/eval/efficientnet_lite.h"

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/io/safetensors.h"
#include "launch/runtime/environment.h"
#include "tests/support/read_tensor.h"

namespace fgm {
namespace {

SafetensorsFile lite_golden() {
  return SafetensorsFile(std::filesystem::path(FGM_SOURCE_DIR) / "tests/golden/eval/efficientnet_lite.safetensors");
}

// As in tests/golden/make_eval_golden.py.
const EfficientNetLiteConfig kTinyLite{.stem_channels = 8,
                                       .stages = {{3, 1, 1, 4, 1}, {5, 2, 3, 8, 2}, {3, 2, 2, 12, 1}}};

void expect_close(const at::Tensor& features, const at::Tensor& expected) {
  ASSERT_EQ(features.sizes(), expected.sizes());
  // float32 convolutions with folded norms, against float64 without.
  EXPECT_LT((features - expected).abs().max().item<double>(), 1e-4 * expected.abs().max().item<double>());
}

TEST(EfficientNetLite, IsTheForwardPassInNumpy) {
  const auto golden = lite_golden();
  const EfficientNetLite network(kTinyLite, golden);
  expect_close(network.features(read_tensor(golden, "images")), read_tensor(golden, "features"));
}

TEST(EfficientNetLite, NamesAWeightOfAnotherShape) {
  auto other = kTinyLite;
  other.stages[1].kernel = 3;
  try {
    EfficientNetLite(other, lite_golden());
    FAIL() << "a kernel of 5 was taken for one of 3";
  } catch (const ConfigError& error) {
    EXPECT_NE(std::string(error.what()).find("_blocks.1._depthwise_conv.weight has shape [12, 1, 5, 5]"),
              std::string::npos)
        << error.what();
  }
}

TEST(EfficientNetLite, RefusesWeightsThatAreNotLite0s) {
  EXPECT_THROW(efficientnet_lite0_space(lite_golden()), ConfigError);
}

TEST(EfficientNetLite, WithLite0sWeightsIsTheForwardPassInNumpy) {
  const auto weights = read_environment().home / "efficientnet-lite0.safetensors";
  if (!std::filesystem::exists(weights)) {
    GTEST_SKIP() << weights
                 << " is not there: only who wants Lite0's features has launch/scripts/setup --eval-features "
                 << "fetch its weights. The tiny network's test runs the same code";
  }
  const auto golden = lite_golden();
  const auto space = efficientnet_lite0_space(SafetensorsFile(weights));
  expect_close(features_of(space, read_tensor(golden, "images")), read_tensor(golden, "lite0.features"));
}

}  // namespace
}  // namespace fgm
