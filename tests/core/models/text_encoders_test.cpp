// Values of transformers 5.24.0 and diffusers 0.42.1's encode_prompt(): tests/golden/make_text_golden.py.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/formats/text_encoder_files.h"
#include "core/io/composed_source.h"
#include "core/models/model_factory.h"
#include "core/models/sd3_text.h"
#include "core/models/weights.h"
#include "tests/core/models/golden.h"
#include "tests/support/errors.h"
#include "tests/support/read_tensor.h"

namespace fgm {
namespace {

using testing::HasSubstr;

class TextEncoders : public testing::Test {
 protected:
  at::Tensor value(const std::string& key) const { return read_tensor(file_, key); }

  ClipTextEncoder& clip(const ClipTextFiles& files, at::ScalarType dtype = at::kFloat) {
    return load<ClipTextEncoder>(files.config, *files.weights, dtype);
  }
  T5Encoder& t5(at::ScalarType dtype = at::kFloat) {
    return load<T5Encoder>(files_.t5->config, *files_.t5->weights, dtype);
  }

  // What encode_prompt() returns for the first `num_prompts` of the golden file.
  Conditioning encode_prompts(int64_t num_prompts, int64_t num_t5_tokens, at::ScalarType dtype = at::kFloat) {
    const auto ids = [&](const std::string& key) { return value(key).narrow(0, 0, num_prompts); };
    const auto clip_l = clip(files_.clip_l, dtype).encode(ids("ids.clip_l"));
    const auto clip_g = clip(files_.clip_g, dtype).encode(ids("ids.clip_g"));
    const auto rows = t5(dtype).encode(ids(fmt::format("ids.t5.{}", num_t5_tokens)));
    EXPECT_EQ(rows.scalar_type(), dtype);
    return to(assemble_sd3_text(clip_l, clip_g, rows), at::kFloat);
  }

  TextEncoderFiles files_ = open_text_encoders(FGM_SOURCE_DIR "/tests/golden/sd3_text");
  SafetensorsFile file_ = golden::open("sd3_text");

 private:
  template <typename T, typename Config>
  T& load(const Config& config, const TensorSource& weights, at::ScalarType dtype) {
    auto network = std::make_unique<T>(config, dtype);
    load_parameters(*network, weights);
    T& loaded = *network;
    networks_.push_back(std::move(network));
    return loaded;
  }

  std::vector<std::unique_ptr<Network>> networks_;
};

TEST_F(TextEncoders, GiveWhatThePipelineGives) {
  const auto condition = encode_prompts(2, 77);
  golden::expect_close(condition.context_BLJ, value("prompt_embeds.77"), 1e-5, "context");
  golden::expect_close(condition.pooled_BP, value("pooled_prompt_embeds"), 1e-5, "pooled");
}

TEST_F(TextEncoders, GiveWhatThePipelineGivesAtEveryLengthOfT5) {
  for (const int64_t length : {154, 256}) {
    const auto rows = encode_prompts(1, length).context_BLJ;
    ASSERT_EQ(rows.size(1), 77 + length);
    golden::expect_close(rows.slice(1, 77, std::nullopt, 7), value(fmt::format("prompt_embeds.{}", length)), 1e-5,
                         fmt::format("T5's rows of {}", length));
  }
}

// Kernels round in orders of their own: bfloat16 is off by 0.0086 with AVX2 and by 0.0115 with ATen's plain ones.
TEST_F(TextEncoders, StayNearTheirValuesIn16Bits) {
  for (const auto& [dtype, tolerance] : {std::pair(at::kBFloat16, 1.5e-2), std::pair(at::kHalf, 2e-3)}) {
    const auto condition = encode_prompts(2, 77, dtype);
    golden::expect_close(condition.context_BLJ, value("prompt_embeds.77"), tolerance, "context");
    golden::expect_close(condition.pooled_BP, value("pooled_prompt_embeds"), tolerance, "pooled");
    EXPECT_GT((condition.context_BLJ - value("prompt_embeds.77")).abs().max().item<double>(), 1e-4)
        << "this was not computed in 16 bits";
  }
}

TEST_F(TextEncoders, OfAClipWithoutAProjectionPooledIsTheNormedState) {
  auto files = files_.clip_l;
  auto tensors = files.weights->tensors();
  std::erase_if(tensors, [](const TensorInfo& info) { return info.name == "text_projection.weight"; });
  files.weights = select(files.weights, tensors);
  files.config.projection_width = 0;
  golden::expect_close(clip(files).encode(value("ids.clip_l")).pooled_NP, value("unprojected"), 1e-5, "pooled");
}

TEST_F(TextEncoders, WithoutT5TheContextEndsInZeros) {
  const auto clip_l = clip(files_.clip_l).encode(value("ids.clip_l"));
  const auto clip_g = clip(files_.clip_g).encode(value("ids.clip_g"));
  const auto condition = assemble_sd3_text(clip_l, clip_g, zero_t5_rows(clip_l, 154, 64));
  ASSERT_EQ(condition.context_BLJ.sizes(), at::IntArrayRef({2, 77 + 154, 64}));
  golden::expect_close(condition.context_BLJ.narrow(1, 0, 77), value("prompt_embeds.77").narrow(1, 0, 77), 1e-5, "");
  EXPECT_EQ(condition.context_BLJ.narrow(1, 77, 154).abs().max().item<double>(), 0.0);
  EXPECT_THAT(message_of<ConfigError>([&] { assemble_sd3_text(clip_l, clip_g, zero_t5_rows(clip_l, 154, 55)); }),
              HasSubstr("24 and 32 wide, more than the 55"));
}

TEST_F(TextEncoders, PooledIsTheStateAtTheFirstEndOfTheText) {
  auto& network = clip(files_.clip_g);  // whose config names the end's id, 713
  const auto ids = at::tensor({712, 5, 713, 9, 713, 0}, at::kLong).unsqueeze(0);
  const auto pooled = [&](const at::Tensor& of) { return network.encode(of).pooled_NP; };
  const auto with_7_at = [&](int64_t place) {
    auto changed = ids.clone();
    changed[0][place] = 7;
    return changed;
  };
  EXPECT_TRUE(at::equal(pooled(ids), pooled(with_7_at(4))));
  EXPECT_FALSE(at::equal(pooled(ids), pooled(with_7_at(2))));
}

TEST_F(TextEncoders, RefuseIdsOfAnotherVocabulary) {
  const auto at_end = [](int64_t id) { return at::tensor({1, 2, static_cast<int>(id)}, at::kLong).unsqueeze(0); };
  EXPECT_THAT(message_of<ConfigError>([&] { clip(files_.clip_l).encode(at_end(714)); }),
              HasSubstr("reach from 1 to 714, and the CLIP encoder knows 0 to 713"));
  EXPECT_THAT(message_of<ConfigError>([&] { t5().encode(at_end(-1)); }), HasSubstr("reach from -1 to 2, and the T5"));
  EXPECT_THAT(message_of<ConfigError>([&] {
                clip(files_.clip_l).encode(at::zeros({1, 78}, at::kLong));
              }),
              HasSubstr("a prompt of 78 tokens; CLIP takes 77"));
}

TEST_F(TextEncoders, T5ClampsInfinitiesInFloat16AsTransformersDoes) {
  auto& network = t5(at::kHalf);
  visit_parameters(network, [](const std::string& name, at::Tensor& parameter) {
    if (name == "encoder.block.0.layer.0.SelfAttention.o.weight") parameter.copy_(parameter.to(at::kFloat) * 2e5);
  });
  const auto rows = network.encode(value("ids.t5.77")).to(at::kFloat).slice(1, 0, std::nullopt, 7);
  golden::expect_close(rows, value("clamped"), 2e-3, "T5's rows");
}

TEST_F(TextEncoders, T5sBucketsAreTransformers) {
  const auto buckets = t5_position_buckets(files_.t5->config, 300, at::kCPU);
  const auto expected = value("buckets");  // of -299 to 299
  for (const int64_t query : {0, 150, 299}) {
    EXPECT_TRUE(at::equal(buckets[query], expected.narrow(0, 299 - query, 300))) << query;
  }
}

TEST(TextEncoderSizes, AreThoseOfTheReleasedEncoders) {
  ClipTextEncoder clip_l({}, at::kMeta);
  ClipTextEncoder clip_g(
      {.width = 1280, .num_layers = 32, .num_heads = 20, .mlp_width = 5120, .projection_width = 1280}, at::kMeta);
  T5Encoder t5({}, at::kMeta);
  EXPECT_EQ(num_parameters(clip_l), 123'060'480);  // clip_l.safetensors, 246 144 152 bytes of float16 and a header
  EXPECT_EQ(num_parameters(clip_g), 694'659'840);  // clip_g.safetensors, 1 389 382 176
  EXPECT_EQ(num_parameters(t5), 4'762'310'656);    // t5xxl_fp16.safetensors, 9 787 841 024, has the embedding twice
}

}  // namespace
}  // namespace fgm
