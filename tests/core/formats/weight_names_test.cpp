#include "core/formats/weight_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/base/rng.h"
#include "core/formats/sd3_shapes.h"
#include "core/io/safetensors.h"
#include "tests/core/formats/pipeline.h"
#include "tests/support/errors.h"
#include "tests/support/read_tensor.h"
#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

using Source = std::shared_ptr<const TensorSource>;

MMDiTConfig tiny() {
  return {.in_channels = 4,
          .patch_size = 2,
          .depth = 3,
          .num_heads = 3,
          .head_width = 4,
          .context_width = 6,
          .pooled_width = 5,
          .pos_embed_max_size = 3,
          .qk_norm = true,
          .dual_attention_blocks = {0}};
}

// An external file in our names.
Source imported(const Source& external, Naming naming, const std::string& prefix = "") {
  const auto shapes = mmdit_shapes(tiny());
  return compose(external, inverse(external_tensors(shapes, naming, prefix), shapes));
}

class WeightNames : public testing::TestWithParam<at::ScalarType> {
 protected:
  // A random model under our names.
  Source ours() {
    std::vector<NamedTensor> tensors;
    for (const auto& [name, shape] : mmdit_shapes(tiny())) {
      const auto value = RandomStream(1, name).normal(0, 0, shape[0], at::IntArrayRef(shape).slice(1));
      tensors.push_back({name, value.to(GetParam())});
    }
    write_safetensors(folder_ / "ours.safetensors", tensors);
    return std::make_shared<SafetensorsFile>(folder_ / "ours.safetensors");
  }

  Source written(const Source& source, const std::string& name) {
    std::vector<NamedTensor> tensors;
    for (const auto& info : source->tensors()) tensors.push_back({info.name, read_all(*source, info)});
    write_safetensors(folder_ / name, tensors);
    return std::make_shared<SafetensorsFile>(folder_ / name);
  }

  TemporaryFolder folder_;
};

// digest_of covers names, dtypes, shapes and bytes.
TEST_P(WeightNames, ImportThenExportIsTheSameFileInBothNamingsAndAcrossThem) {
  const auto original = written(as_external(ours(), Naming::kStability, kSingleFilePrefix), "original");
  const auto diffusers = written(as_external(ours(), Naming::kDiffusers), "diffusers");
  ASSERT_NE(digest_of(*original), digest_of(*diffusers));
  EXPECT_EQ(original->tensors().size(), mmdit_shapes(tiny()).size());
  for (const auto& back :
       {imported(original, Naming::kStability, kSingleFilePrefix), imported(diffusers, Naming::kDiffusers)}) {
    EXPECT_EQ(digest_of(*back), digest_of(*ours()));
    EXPECT_EQ(digest_of(*as_external(back, Naming::kStability, kSingleFilePrefix)), digest_of(*original));
    EXPECT_EQ(digest_of(*as_external(back, Naming::kDiffusers)), digest_of(*diffusers));
  }
}

TEST_P(WeightNames, AnySliceOfAnyTensorIsThatPartOfTheWhole) {
  const auto diffusers = written(as_external(ours(), Naming::kDiffusers), "diffusers");
  const auto back = imported(diffusers, Naming::kDiffusers);
  for (const auto& info : back->tensors()) {
    const auto whole = read_all(*back, info).flatten();
    for (int64_t num_slices : {2, 5}) {  // 5 cuts inside q, k and v, and inside swapped halves
      for (int64_t i = 0; i < num_slices; ++i) {
        const int64_t begin = whole.numel() * i / num_slices, end = whole.numel() * (i + 1) / num_slices;
        const auto slice = at::full({end - begin}, -7.0, info.dtype);
        back->read(info.name, begin, slice);
        ASSERT_TRUE(at::equal(slice, whole.slice(0, begin, end))) << info.name << " from " << begin;
      }
    }
  }
}

TEST_P(WeightNames, SwapsTheHalvesOfTheFinalLayerAndOfTheLastContextBlockOnly) {
  const auto diffusers = as_external(ours(), Naming::kDiffusers);
  const auto expect = [&](const std::string& name, const std::string& theirs, bool is_swapped) {
    const auto a = read_all(*ours(), find_tensor(*ours(), name)).chunk(2);
    const auto b = read_all(*diffusers, find_tensor(*diffusers, theirs)).chunk(2);
    EXPECT_EQ(at::equal(a[0], b[1]) && at::equal(a[1], b[0]), is_swapped) << name;
    EXPECT_EQ(at::equal(a[0], b[0]) && at::equal(a[1], b[1]), !is_swapped) << name;
  };
  for (const std::string kind : {".weight", ".bias"}) {
    expect("final_layer.adaLN_modulation.1" + kind, "norm_out.linear" + kind, true);
    for (const int block : {0, 1, 2}) {
      const auto ours_block = fmt::format("joint_blocks.{}.", block),
                 theirs = fmt::format("transformer_blocks.{}.", block);
      expect(ours_block + "context_block.adaLN_modulation.1" + kind, theirs + "norm1_context.linear" + kind,
             block == 2);
      expect(ours_block + "x_block.adaLN_modulation.1" + kind, theirs + "norm1.linear" + kind, false);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Dtypes, WeightNames, testing::Values(at::kFloat, at::kBFloat16, at::kHalf),
                         [](const auto& tested) { return std::string(c10::toString(tested.param)); });

TEST(ExternalNames, RefuseANameThatSd3DoesNotHave) {
  for (const std::string name :
       {"joint_blocks.0.x_block.attn3.qkv.weight", "joint_blocks.x.mlp.fc1.weight", "joint_blocks.0",
        "joint_blocks.3xx_block.attn.proj.weight", "joint_blocks.-1.context_embedder.weight", "x_embedder.weight",
        "x_embedder.proj.exp_avg"}) {
    EXPECT_THAT(message_of<ConfigError>([&] { names_in(Naming::kDiffusers, name); }), testing::HasSubstr(name));
  }
}

class ComposedSourceTest : public testing::Test {
 protected:
  Source base() {
    write_safetensors(folder_ / "base", {{"a", at::full({2, 3}, 1.0 + 0x1p-20)},
                                         {"half", at::full({4}, 1.0 + 0x1p-10, at::kHalf)},
                                         {"bfloat", at::full({4}, 0x1p100, at::kBFloat16)},
                                         {"whole", at::zeros({4}, at::kInt)},
                                         {"eighth", at::zeros({4}).to(at::kFloat8_e4m3fn)}});
    return std::make_shared<SafetensorsFile>(folder_ / "base");
  }
  std::string error_of(const std::vector<Piece>& pieces) {
    return message_of<ConfigError>([&] { compose(base(), {{"joined", {10}, pieces}}); });
  }
  TemporaryFolder folder_;
};

TEST_F(ComposedSourceTest, NamesPiecesThatAreMissingTooSmallOrOfAnotherDtype) {
  EXPECT_THAT(error_of({{"a", 0, 6}, {"c", 0, 4}}), testing::HasSubstr("c is missing"));
  EXPECT_THAT(error_of({{"a", 4, 6}}), testing::HasSubstr("a [2, 3] is too small for its part of joined"));
  EXPECT_THAT(error_of({{"a", 0, 6}, {"whole", 0, 4}}),
              testing::HasSubstr("whole is Int, but other parts of joined are Float"));
  EXPECT_THAT(error_of({{"a", 0, 6}, {"eighth", 0, 4}}),
              testing::HasSubstr("eighth is Float8_e4m3fn, but other parts of joined are Float"));
}

TEST_F(ComposedSourceTest, JoinsPiecesOfMixedPrecisionWithoutLosingABit) {
  for (const std::string other : {"a", "bfloat"}) {
    const auto composed = compose(base(), {{"joined", {2, 4}, {{"half", 0, 4}, {other, 0, 4}}}});
    const auto& info = composed->tensors().front();
    EXPECT_EQ(info.dtype, at::kFloat);
    EXPECT_EQ(info.num_bytes, 8 * sizeof(float));
    const auto expected = at::stack({read_tensor(*base(), "half").to(at::kFloat),
                                     read_tensor(*base(), other).to(at::kFloat).reshape(-1).narrow(0, 0, 4)});
    EXPECT_TRUE(at::equal(read_tensor(*composed, "joined"), expected)) << other;
    const auto middle = at::empty({4});
    composed->read("joined", 2, middle);
    EXPECT_TRUE(at::equal(middle, expected.view(-1).narrow(0, 2, 4))) << other;
  }
}

TEST_F(ComposedSourceTest, RejectsAReadPastTheEnd) {
  const auto composed = compose(base(), {{"flat", {6}, {{"a", 0, 6}}}});
  EXPECT_THROW(composed->read("flat", 3, at::empty({4})), Error);
  EXPECT_THROW(composed->read("flat", -1, at::empty({4})), Error);
  EXPECT_THROW(composed->read("flats", 0, at::empty({4})), IoError);
}

}  // namespace
}  // namespace fgm
