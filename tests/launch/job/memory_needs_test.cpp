#include "launch/job/memory_needs.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "launch/weights/weights.h"
#include "parallel/optim/fsdp_engine.h"

namespace fgm {
namespace {

const std::vector<int64_t> kShape = {3, 24, 24};

double need(const std::vector<MemoryNeed>& needs, const std::string& key) {
  for (const auto& each : needs) {
    if (each.key == key) return each.bytes;
  }
  ADD_FAILURE() << "nothing needs " << key;
  return 0;
}

TEST(MemoryNeeds, WhatNetworksNeedIsNearToWhatEnginesHoldAndNeverMore) {
  Config config;
  config.method.student = {.beta1 = 0.9, .ema = {0.99, 0.999}};
  config.method.estimator = {.beta1 = 0.0, .ema = {0.0}};
  const auto model = make_unread_model(config.model);
  const auto held = [&](const OptimizerConfig& optimizer) {
    return static_cast<double>(FsdpEngine::bytes_of(*model, optimizer, /*num_shards=*/1));
  };
  const double trained = need(train_needs(config, kShape, {}), "model.depth");
  EXPECT_LE(trained, held(config.train.optimizer));
  EXPECT_GE(trained, 0.3 * held(config.train.optimizer)) << "adaLN's matrices and the embeddings are not counted";
  const double distilled = need(distill_needs(config, kShape, {}), "model.depth");
  EXPECT_LE(distilled, held(config.method.student) + held(config.method.estimator));
  EXPECT_GT(distilled, trained);
}

TEST(MemoryNeeds, RanksOfAHostThatShareANetworkNeedItOnceAndThoseOnGpusNeedNoneOfTheHost) {
  Config config;
  const auto network = [&](const RanksOnHost& ranks) {
    return need(train_needs(config, kShape, ranks), "model.depth");
  };
  const double one = network({.num_ranks = 1, .on_host = 1, .is_cpu = true});
  ASSERT_GT(one, 0.0);
  EXPECT_EQ(network({.num_ranks = 2, .on_host = 2, .is_cpu = true}), one);
  EXPECT_EQ(network({.num_ranks = 2, .on_host = 1, .is_cpu = true}), one / 2);
  EXPECT_EQ(network({.num_ranks = 2, .on_host = 2, .is_cpu = false}), 0.0);
  config.mesh.shard = 1;
  EXPECT_EQ(network({.num_ranks = 2, .on_host = 2, .is_cpu = true}), 2 * one);
}

TEST(MemoryNeeds, TextEncodersAtWorkAreWholeInEachRankOfACpu) {
  Config config;
  const auto encoders = [&](const RanksOnHost& ranks) {
    return need(distill_needs(config, kShape, ranks), "text.model");
  };
  EXPECT_EQ(encoders({}), 0.0);
  config.text.model = FGM_SOURCE_DIR "/tests/golden/sd3_text";
  double bytes_of_files = 0;
  for (const char* folder : {"text_encoder", "text_encoder_2", "text_encoder_3"}) {
    for (const auto& file : std::filesystem::directory_iterator(std::filesystem::path(config.text.model) / folder)) {
      if (file.path().extension() != ".safetensors") continue;
      bytes_of_files += static_cast<double>(file.file_size());  // float32 and a header
    }
  }
  const double one = encoders({.num_ranks = 1, .on_host = 1, .is_cpu = true});
  EXPECT_LE(one, bytes_of_files);
  EXPECT_GE(one, 0.9 * bytes_of_files);
  EXPECT_EQ(encoders({.num_ranks = 4, .on_host = 2, .is_cpu = true}), 2 * one);
  EXPECT_EQ(encoders({.num_ranks = 2, .on_host = 2, .is_cpu = false}), 0.0);
}

}  // namespace
}  // namespace fgm
