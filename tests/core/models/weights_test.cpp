#include "core/models/weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/io/safetensors.h"
#include "core/models/model_factory.h"

namespace fgm {
namespace {

using testing::HasSubstr;

class WeightsTest : public testing::Test {
 protected:
  WeightsTest() { std::filesystem::create_directories(folder_); }
  ~WeightsTest() override { std::filesystem::remove_all(folder_); }

  static MMDiTConfig config() { return {.depth = 1, .num_heads = 1, .head_width = 8, .pos_embed_max_size = 2}; }

  static std::vector<NamedTensor> tensors_of(VelocityModel& model) {
    std::vector<NamedTensor> tensors;
    const TensorVisitor collect = [&](const std::string& name, at::Tensor& t) { tensors.push_back({name, t}); };
    visit_parameters(model, collect);
    model.visit_buffers(collect);
    return tensors;
  }

  const std::filesystem::path folder_ = testing::TempDir() + fmt::format("fgm_weights_{}", ::getpid());
  const std::filesystem::path path_ = folder_ / "model.safetensors";
};

TEST_F(WeightsTest, ReturnsEveryParameterAndBufferInTheModelsDtype) {
  const auto saved = make_model(config(), at::kFloat), loaded = make_model(config(), at::kDouble);
  saved->initialise(1);
  auto expected = tensors_of(*saved);
  expected.back().tensor.add_(0.25);  // pos_embed: a released table differs from the built one
  write_safetensors(path_, expected);
  load_parameters(*loaded, SafetensorsFile(path_));
  const auto actual = tensors_of(*loaded);
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    EXPECT_TRUE(at::equal(actual[i].tensor.to(at::kFloat), expected[i].tensor)) << actual[i].name;
  }
  EXPECT_EQ(actual.front().tensor.scalar_type(), at::kDouble);
}

TEST_F(WeightsTest, NamesMissingSurplusAndMisshapenTensorsInOneErrorAndCopiesNothing) {
  const auto model = make_model(config(), at::kFloat);
  model->initialise(1);
  auto tensors = tensors_of(*model);
  ASSERT_EQ(tensors[0].name, "x_embedder.proj.weight");
  tensors[0].name = "x_embedder.weight";
  tensors[1].tensor = at::zeros({3});
  write_safetensors(path_, tensors);
  const auto other = make_model(config(), at::kFloat);
  other->initialise(2);
  const auto before = tensors_of(*other)[4].tensor.clone();
  try {
    load_parameters(*other, SafetensorsFile(path_));
    FAIL() << "no error";
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), HasSubstr(path_.string()));
    EXPECT_THAT(error.what(), HasSubstr("x_embedder.weight is not in the model"));
    EXPECT_THAT(error.what(), HasSubstr("x_embedder.proj.weight [8, 3, 6, 6] is missing"));
    EXPECT_THAT(error.what(), HasSubstr("x_embedder.proj.bias is [3] in the file and [8] in the model"));
  }
  EXPECT_TRUE(at::equal(tensors_of(*other)[4].tensor, before));
}

}  // namespace
}  // namespace fgm
