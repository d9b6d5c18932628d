#include "core/formats/unet_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/config/fields.h"
#include "core/formats/unet_names.h"
#include "core/io/composed_source.h"
#include "core/io/safetensors.h"
#include "core/models/model_factory.h"
#include "core/models/weights.h"
#include "tests/core/models/unet_golden.h"
#include "tests/support/errors.h"
#include "tests/support/read_tensor.h"
#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class UNetFiles : public testing::TestWithParam<std::string> {
 protected:
  // The golden network's weights in our names.
  std::shared_ptr<const TensorSource> ours() const {
    std::vector<NamedTensor> tensors;
    const auto model = make_model(config_, at::kFloat);
    visit_parameters(*model, [&](const std::string& name, at::Tensor& parameter) {
      tensors.push_back({name, golden::draw_parameter(GetParam(), name, parameter.sizes())});
    });
    write_safetensors(folder_ / "ours", tensors);
    return std::make_shared<const SafetensorsFile>(folder_ / "ours");
  }
  // The golden network's weights in the names and layouts of its authors.
  std::shared_ptr<const TensorSource> theirs() const {
    return compose(ours(), inverse(unet_tensors_in(config_), external_unet_shapes(config_)));
  }
  // A file of theirs(), each name preceded by `prefix`, with what `change` does to the list.
  std::shared_ptr<const TensorSource> file(
      const std::string& prefix, const std::function<void(std::vector<NamedTensor>&)>& change = [](auto&) {}) const {
    std::vector<NamedTensor> tensors;
    const auto source = theirs();
    for (const auto& info : source->tensors()) tensors.push_back({prefix + info.name, read_tensor(*source, info.name)});
    change(tensors);
    write_safetensors(folder_ / "theirs", tensors);
    return std::make_shared<const SafetensorsFile>(folder_ / "theirs");
  }

  TemporaryFolder folder_;
  SafetensorsFile golden_ = golden::open("unet");
  nlohmann::json json_ = golden::config_of(golden_, GetParam()).json;
  UNetConfig config_ = golden::unet_config(json_);
};

TEST_P(UNetFiles, NamesAndLayoutsAreTheReferences) {
  const auto source = theirs();
  for (const auto& info : source->tensors()) {
    const auto name = config_.flavour == UNetFlavour::kEdm ? "model." + info.name : info.name;
    EXPECT_EQ(info.shape, json_["state_dict"].at(name).get<std::vector<int64_t>>()) << name;
    const auto expected = read_tensor(golden_, fmt::format("{}/theirs/{}", GetParam(), name));
    golden::expect_projections(read_tensor(*source, info.name), expected, 0.1 * expected[0].item<double>(), name);
  }
  const auto is_weight = [](const auto& tensor) {
    return !tensor.key().ends_with(".resample_filter") && tensor.key() != "model.map_augment.weight";
  };
  int64_t num_weights = 0;
  for (const auto& tensor : json_["state_dict"].items()) num_weights += is_weight(tensor);
  EXPECT_EQ(std::ssize(source->tensors()), num_weights);
}

TEST_P(UNetFiles, OpensAFileAsItsTensorsTellIt) {
  const auto found = find_unet(file("model."));
  ASSERT_TRUE(found.has_value());
  auto expected = config_;
  if (config_.flavour == UNetFlavour::kTorchCfm) {  // which does not tell the size of its images
    expected.image_size *= 2;
    for (auto& side : expected.attention_resolutions) side *= 2;
  }
  EXPECT_EQ(shapes_of(*found->weights), shapes_of(*make_model(config_, at::kMeta)));
  EXPECT_TRUE(found->config == expected) << to_ini(ModelConfig(found->config));
  const auto name = "enc.1.res.conv_1.weight";
  EXPECT_TRUE(at::equal(read_tensor(*found->weights, name), read_tensor(*ours(), name)));
}

TEST_P(UNetFiles, OfSeveralNetworksTheAverageIsTakenAndWhatMakesNoVelocityIsLeftOut) {
  const auto with_others = file("ema_model.module.", [](std::vector<NamedTensor>& tensors) {
    auto others = tensors;
    for (auto& [name, tensor] : others) {
      name = "net_model." + name.substr(std::string("ema_model.").size());
      tensor = at::zeros_like(tensor);
    }
    tensors.insert(tensors.begin(), others.begin(), others.end());
    tensors.push_back({"ema_model.module.cls_pred_branch.0.weight", at::zeros({4})});
    tensors.push_back({"ema_model.module.enc.8x8_down.conv0.resample_filter", at::zeros({4})});
    tensors.push_back({"ema_model.module.map_augment.weight", at::zeros({4, 9})});
  });
  const auto found = find_unet(with_others);
  ASSERT_TRUE(found.has_value());
  EXPECT_GT(read_tensor(*found->weights, "enc.0.conv.weight").abs().max().item<float>(), 0.0f);
}

TEST_P(UNetFiles, NamesEveryTensorThatDoesNotFit) {
  const auto changed = file("", [](std::vector<NamedTensor>& tensors) {
    for (auto& [name, tensor] : tensors) {
      if (name.ends_with("out.2.bias") || name.ends_with("aux_conv.bias")) tensor = at::zeros({7});
    }
    tensors.push_back({"surplus.weight", at::zeros({1})});
  });
  EXPECT_THAT(message_of<ConfigError>([&] { find_unet(changed); }),
              AllOf(HasSubstr("theirs"), HasSubstr("surplus.weight"), HasSubstr("bias is [7]")));
}

INSTANTIATE_TEST_SUITE_P(Networks, UNetFiles, testing::Values("torchcfm_classes", "edm_classes"),
                         [](const auto& tested) { return tested.param; });

TEST(OtherUNets, OfEndlesslyManyResolutionsAreRefused) {
  const TemporaryFolder folder;
  write_safetensors(folder / "edm", {{"map_layer0.weight", at::zeros({8, 2})},
                                     {"enc.1x1_conv.weight", at::zeros({2, 3, 3, 3})},
                                     {"enc.1x1_block0.conv0.weight", at::zeros({2, 2, 3, 3})},
                                     {"enc.0x0_block0.conv0.weight", at::zeros({2, 2, 3, 3})}});
  EXPECT_THAT(message_of<ConfigError>([&] { find_unet(std::make_shared<const SafetensorsFile>(folder / "edm")); }),
              HasSubstr("cannot be halved 63 times"));
}

TEST(OtherUNets, AreNotTaken) {
  const TemporaryFolder folder;
  write_safetensors(folder / "sd", {{"time_embed.0.weight", at::zeros({2, 2})},
                                    {"input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight", at::zeros({2, 768})}});
  EXPECT_FALSE(find_unet(std::make_shared<const SafetensorsFile>(folder / "sd")).has_value());
}

}  // namespace
}  // namespace fgm
