#include "launch/weights/export_metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "tests/support/errors.h"
#include "tests/support/released_models.h"

namespace fgm {
namespace {

using testing::HasSubstr;
using Metadata = std::map<std::string, std::string>;

WeightsInfo student_of(const MMDiTConfig& model) {
  WeightsInfo info{.role = "student_ema", .step = 1200, .sample_shape = {model.in_channels, 64, 64}, .config = {}};
  info.config.model = model;
  info.config.method.init_time = 0.714;
  info.config.method.teacher_guidance = 4.5;
  info.config.sample.shift = 2.5;
  return info;
}

// The info that open_weights() gives of a file that has `metadata` and the tensors of `model`.
WeightsInfo read(const Metadata& metadata, const MMDiTConfig& model) {
  WeightsInfo info{.role = "teacher", .step = 0, .sample_shape = {model.in_channels, 128, 128}, .config = {}};
  info.config.model = model;
  info.config.sample.shift = 3.0;
  read_export_metadata(metadata, "x.safetensors", info);
  return info;
}

TEST(ExportMetadata, HasEveryKeyThatModelSpecDemandsOfAnImageModel) {
  for (const Naming naming : {Naming::kDiffusers, Naming::kStability}) {
    const auto metadata = export_metadata(student_of(sd3_medium()), naming);
    for (const std::string key : {"sai_model_spec", "architecture", "implementation", "title", "resolution"}) {
      ASSERT_TRUE(metadata.contains("modelspec." + key)) << key;
      EXPECT_NE(metadata.at("modelspec." + key), "") << key;
    }
  }
}

TEST(ExportMetadata, NamesTheReleasedModelsAsTheirReadersDoAndNoOther) {
  const auto architecture = [](const MMDiTConfig& model) {
    return export_metadata(student_of(model), Naming::kStability).at("modelspec.architecture");
  };
  EXPECT_EQ(architecture(sd3_medium()), "stable-diffusion-v3-medium");
  EXPECT_EQ(architecture(sd35_medium()), "stable-diffusion-v3.5-medium");
  EXPECT_EQ(architecture(sd35_large()), "stable-diffusion-v3.5-large");
  MMDiTConfig pruned = sd3_medium();
  pruned.depth = 12;
  EXPECT_EQ(architecture(pruned), "stable-diffusion-v3");
}

TEST(ExportMetadata, TheResolutionIsInPixels) {
  EXPECT_EQ(export_metadata(student_of(sd3_medium()), Naming::kStability).at("modelspec.resolution"), "512x512");
  MMDiTConfig of_pixels = sd3_medium();
  of_pixels.in_channels = 3;
  EXPECT_EQ(export_metadata(student_of(of_pixels), Naming::kStability).at("modelspec.resolution"), "64x64");
}

TEST(ExportMetadata, KeepsBothSidesOfImagesThatAreNotSquare) {
  WeightsInfo wide = student_of(sd3_medium());
  wide.sample_shape = {16, 64, 128};
  const auto metadata = export_metadata(wide, Naming::kStability);
  EXPECT_EQ(metadata.at("fgm.sample_size"), "128x64") << "width x height, as the resolution has them";
  EXPECT_EQ(metadata.at("modelspec.resolution"), "1024x512");
  EXPECT_EQ(read(metadata, sd3_medium()).sample_shape, wide.sample_shape);
  EXPECT_EQ(export_metadata(student_of(sd3_medium()), Naming::kStability).at("fgm.sample_size"), "64")
      << "one number, which older readers know";
}

TEST(ExportMetadata, ReadBackAndWrittenAgainIsTheSame) {
  WeightsInfo teacher = student_of(sd3_medium());
  teacher.role = "teacher";
  WeightsInfo of_equal_steps = student_of(sd3_medium());
  of_equal_steps.config.sample.shift = 0.0;
  WeightsInfo of_two_steps = student_of(sd3_medium());
  of_two_steps.config.method.student_times = {1.0, 0.6};
  of_two_steps.config.method.init_mean = {0.25};
  for (const auto& info : {student_of(sd35_large()), teacher, of_equal_steps, of_two_steps}) {
    for (const Naming naming : {Naming::kDiffusers, Naming::kStability}) {
      const auto metadata = export_metadata(info, naming);
      const WeightsInfo again = read(metadata, info.config.model.mmdit);
      EXPECT_EQ(again.sample_shape, info.sample_shape);
      EXPECT_EQ(again.config.sample.shift, info.config.sample.shift);
      EXPECT_EQ(again.config.method.student_times, info.config.method.student_times);
      EXPECT_EQ(export_metadata(again, naming), metadata);
    }
  }
}

TEST(ExportMetadata, ValuesThatCannotBeAreRefused) {
  const auto error_of = [](const Metadata& metadata) {
    return message_of<ConfigError>([&] { read(metadata, sd3_medium()); });
  };
  ASSERT_EQ(read({{"fgm.sample_size", "384"}}, sd3_medium()).sample_shape.at(1), 384);
  for (const std::string size : {"64x", "x64", "64x64x64", "64 x 64", "64X64"}) {
    EXPECT_THAT(error_of({{"fgm.sample_size", size}}), HasSubstr("x.safetensors: its metadata fgm.sample_size"))
        << size;
  }
  for (const std::string size : {"0", "-2", "63", "386", "64x63", "386x64"}) {
    EXPECT_THAT(error_of({{"fgm.sample_size", size}}), HasSubstr("a multiple of 2 up to 384")) << size;
  }
  ASSERT_EQ(read({{"fgm.times", "1,0.6,0"}}, sd3_medium()).config.method.student_times, (std::vector{1.0, 0.6}));
  for (const std::string times : {"", "0", "1", "1,0.6", "0.6,1,0", "1,1,0", "2,1,0", "1,0,-1"}) {
    EXPECT_THAT(error_of({{"fgm.times", times}}), HasSubstr("x.safetensors: its metadata fgm.times")) << times;
  }
  EXPECT_THAT(error_of({{"fgm.guidance", "much"}}), HasSubstr("fgm.guidance = 'much' is no number"));
  EXPECT_THAT(error_of({{"fgm.guidance", "-1"}}), HasSubstr("teacher_guidance = -1 is negative"));
}

}  // namespace
}  // namespace fgm
