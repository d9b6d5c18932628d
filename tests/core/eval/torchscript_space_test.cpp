#include "core/eval/torchscript_space.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>

#include "core/base/error.h"
#include "core/eval/frechet.h"
#include "core/eval/report.h"
#include "core/eval/shapes/dataset.h"
#include "core/io/file.h"
#include "tests/support/errors.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// Stands in for Inception: the means of the channels, repeated to 2048 features; classes unless features are asked for.
constexpr const char* kStandIn = R"(
def forward(self, x, return_features: bool = False):
    if not return_features:
        return torch.zeros([x.size(0), 1008])
    means = x.float().mean([2, 3])
    return means.repeat([1, 683])[:, :2048]
)";

class TorchScriptSpace : public ::testing::Test {
 protected:
  TorchScriptSpace() { fs::create_directories(folder_); }
  ~TorchScriptSpace() override { fs::remove_all(folder_); }

  fs::path save(const std::string& name, const std::string& forward) const {
    torch::jit::Module network("network");
    network.define(forward);
    network.save(folder_ / name);
    return folder_ / name;
  }

  fs::path folder_ = fs::path(::testing::TempDir()) / "fgm_torchscript_test";
  at::Tensor images_ = shapes::make_shapes(24, 40, 1, shapes::Split::kTrain).images_NHWC;
};

TEST_F(TorchScriptSpace, AsksInceptionForItsFeaturesAndCallsTheirDistanceFid) {
  const auto space = torchscript_space(save("inception-2015-12-05.pt", kStandIn));
  EXPECT_TRUE(space.is_fid);
  const auto features = features_of(space, images_);
  ASSERT_EQ(features.sizes(), (std::vector<int64_t>{40, 2048}));
  const auto means = images_.to(at::kFloat).mean(at::IntArrayRef{1, 2});
  EXPECT_TRUE(at::allclose(features.narrow(1, 3, 3), means)) << "red, green and blue of 0 to 255";
}

TEST_F(TorchScriptSpace, CallsNoOtherNetworksDistanceFid) {
  const auto plain = torchscript_space(save("mine.pt", "def forward(self, x):\n    return x.float().flatten(1)\n"));
  EXPECT_FALSE(plain.is_fid);
  EXPECT_EQ(features_of(plain, images_).sizes(), (std::vector<int64_t>{40, 3 * 24 * 24}));
  const auto renamed = torchscript_space(save("renamed.pt", kStandIn));
  EXPECT_FALSE(renamed.is_fid);
}

TEST_F(TorchScriptSpace, TellsTwoNetworksOfOneNameApart) {
  const auto first =
      torchscript_space(save("mine.pt", "def forward(self, x):\n    return x.float().flatten(1)\n")).name;
  const auto other = torchscript_space(save("mine.pt", "def forward(self, x):\n    return x.half().flatten(1)\n")).name;
  EXPECT_TRUE(first.starts_with("mine.pt "));
  EXPECT_NE(first, other);
}

TEST_F(TorchScriptSpace, RefusesWhatIsNoNetworkOfFeatures) {
  write_file(folder_ / "text.pt", "no network");
  EXPECT_THROW(torchscript_space(folder_ / "text.pt"), ConfigError);
  EXPECT_THROW(torchscript_space(folder_ / "absent.pt"), IoError);
  const auto one = torchscript_space(save("one.pt", "def forward(self, x):\n    return x.float().mean()\n"));
  EXPECT_THROW(features_of(one, images_), ConfigError);
  const auto fails = torchscript_space(save("fails.pt", "def forward(self, x):\n    return x.view([7, 7])\n"));
  EXPECT_THAT(message_of<ConfigError>([&] { features_of(fails, images_); }), HasSubstr("shape '[7, 7]' is invalid"));
  const auto infinite =
      torchscript_space(save("infinite.pt", "def forward(self, x):\n    return x.float().flatten(1) / 0.0\n"));
  EXPECT_THAT(message_of<ConfigError>([&] { features_of(infinite, images_); }), HasSubstr("not finite"));
  const auto few = torchscript_space(
      save("inception-2015-12-05.pt",
           "def forward(self, x, return_features: bool = False):\n    return x.float()[:, :, 0, 0]\n"));
  EXPECT_THROW(features_of(few, images_), ConfigError);
}

}  // namespace
}  // namespace fgm
