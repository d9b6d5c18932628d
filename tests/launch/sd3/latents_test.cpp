// Images to latents and to a network that learns them, on the tiny pipeline of tests/golden/make_text_golden.py.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "core/formats/sd3_files.h"
#include "core/io/file.h"
#include "core/io/lock_file.h"
#include "core/io/png.h"
#include "data/hdf5/h5_file.h"
#include "data/pipeline/store_batch_source.h"
#include "data/store/latent_writer.h"
#include "data/store/store_writer.h"
#include "tests/data/store/embedding_fixture.h"
#include "tests/launch/sd3/sd3_job.h"
#include "tests/support/small_job.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

constexpr const char* kPipelineWithVae = FGM_SOURCE_DIR "/tests/golden/sd3_text";

class Latents : public Sd3Job {
 protected:
  Latents() : vae_(open_sd3_vae(kPipelineWithVae)), encoder_(vae_.config, at::kFloat) {
    load_parameters(encoder_, *vae_.weights);
    write_images("wide.h5", 20, 8, 12);
    write_images("tall.h5", 8, 16, 8);
  }

  void write_images(const std::string& name, int64_t count, int64_t height, int64_t width) {
    StoreContents contents{"images", {{"tool", "test"}}, {}, {}};
    for (int64_t i = 0; i < count; ++i) contents.prompts.push_back(fmt::format("{} {}", name, i));
    contents.images_NHWC = image(count * height, width).view({count, height, width, 3});
    write_store(folder_ / name, contents);
  }
  static at::Tensor image(int64_t height, int64_t width) {
    return at::arange(height * width * 3).pow(2).remainder(251).to(at::kByte).view({height, width, 3});
  }
  static std::string encode(const std::string& more) {
    return fmt::format("encode --vae {} --run.threads 1 {}", kPipelineWithVae, more);
  }

  // What the network sees of a record of images, with noise `eps`.
  at::Tensor expected(const at::Tensor& images, const at::Tensor& eps) const {
    const at::NoGradGuard no_grad;
    const auto [mean, logvar] = encoder_.encode(to_model_range(images));
    return encoder_.to_latents(mean + at::exp(0.5 * logvar) * eps);
  }
  void expect_latent(const Store& store, int64_t record, const at::Tensor& images, double tolerance) const {
    const auto eps = at::sin(at::arange(4 * images.size(1) / 2 * images.size(2) / 2, at::kFloat))
                         .view({1, 4, images.size(1) / 2, images.size(2) / 2});
    EXPECT_TRUE(at::allclose(store.latents({&record, 1}, eps), expected(images, eps), tolerance, tolerance)) << record;
  }

  Sd3Vae vae_;
  VaeEncoder encoder_;
};

TEST_F(Latents, OfStoresAreWhatTheEncoderMakesOfTheirImagesOnAnyNumberOfRanks) {
  must_run(encode("--images tall.h5,wide.h5 --dtype fp32 --out one.h5"));
  must_run(encode("--images tall.h5,wide.h5 --dtype fp32 --out two.h5"), 2);
  must_run(encode("--images tall.h5,wide.h5 --out half.h5"));
  const Store one(path("one.h5")), half(path("half.h5")), tall(path("tall.h5")), wide(path("wide.h5"));
  EXPECT_EQ(one.digest(), Store(path("two.h5")).digest());
  EXPECT_EQ(one.latent_info().buckets, (std::vector<LatentBucket>{{16, 8, 8}, {8, 12, 20}}));
  EXPECT_EQ(one.prompts()[8], "wide.h5 0");
  for (const int64_t record : {0, 7, 8, 27}) {
    const int64_t in_store = record < 8 ? record : record - 8;
    const auto images = (record < 8 ? tall : wide).images({&in_store, 1});
    expect_latent(one, record, images, 1e-5);
    expect_latent(half, record, images, 1e-2);
  }
  EXPECT_FALSE(fs::exists(path("one.h5.partial")));
}

TEST_F(Latents, EncodingGoesOnWhereItWasAndRefusesOtherImages) {
  must_run(encode("--images wide.h5 --out whole.h5"));
  fs::copy_file(path("whole.h5"), path("cut.h5.partial"));
  const auto latents = H5File::open_read_only(path("whole.h5")).extent("latents/8x12", H5Element::kFloat16);
  change_byte(path("cut.h5.partial"), latents.offset + latents.bytes - 1);  // of the last record
  must_run(encode("--images wide.h5 --out cut.h5"));
  EXPECT_EQ(Store(path("cut.h5")).digest(), Store(path("whole.h5")).digest());

  fs::copy_file(path("whole.h5"), path("other.h5.partial"));
  const auto refused = run(encode("--images tall.h5 --out other.h5"));
  EXPECT_EQ(refused.code, kExitConfig);
  EXPECT_THAT(refused.text, HasSubstr("was begun for other latents"));
}

TEST_F(Latents, OfTwoEncodingsOfOneStoreTheSecondIsRefused) {
  const LockFile first(path("out.h5"));
  const auto refused = run(encode("--images wide.h5 --out out.h5"));
  EXPECT_EQ(refused.code, kExitConfig);
  EXPECT_THAT(refused.text, HasSubstr("another process is writing 'out.h5'"));
}

TEST_F(Latents, ASampleIsTheSeedsAndTheImagesWhereverItStands) {
  must_run(encode("--images wide.h5 --dtype fp32 --sample --out a.h5"));
  must_run(encode("--images tall.h5,wide.h5 --dtype fp32 --sample --out b.h5"));
  must_run(encode("--images wide.h5 --dtype fp32 --sample --run.seed 2 --out c.h5"));
  const std::vector<int64_t> in_a = {3}, in_b = {11};
  const auto a = Store(path("a.h5")).latents(in_a, {});
  EXPECT_TRUE(at::equal(a, Store(path("b.h5")).latents(in_b, {})));
  EXPECT_FALSE(at::equal(a, Store(path("c.h5")).latents(in_a, {})));
  const auto images = Store(path("wide.h5")).images(in_a);
  EXPECT_FALSE(at::allclose(a, expected(images, at::zeros(a.sizes())), 1e-5, 1e-5)) << "it is no mean";
}

TEST_F(Latents, OfAFolderHaveTheSizesOfItsImages) {
  fs::create_directories(folder_ / "photos");
  for (const auto& [name, height, width] :
       {std::tuple("a", 16, 16), std::tuple("b", 12, 20), std::tuple("c", 24, 12)}) {
    write_png(folder_ / "photos" / (std::string(name) + ".png"), image(height, width));
    std::ofstream(folder_ / "photos" / (std::string(name) + ".txt")) << "image " << name;
  }
  must_run(encode("--images photos --captions file --resolution 16 --dtype fp32 --out square.h5"));
  const Store square(path("square.h5"));
  EXPECT_EQ(square.prompts(), (std::vector<std::string>{"image a", "image b", "image c"}));
  EXPECT_EQ(square.latent_info().buckets, (std::vector<LatentBucket>{{16, 16, 3}}));
  expect_latent(square, 0, image(16, 16).unsqueeze(0), 1e-5);

  must_run(encode("--images photos --captions file --resolution 16 --buckets --dtype fp32 --out all.h5"));
  const Store all(path("all.h5"));
  EXPECT_EQ(all.latent_info().buckets, (std::vector<LatentBucket>{{12, 20, 1}, {16, 16, 1}, {20, 12, 1}}));
  EXPECT_EQ(all.prompts(), (std::vector<std::string>{"image b", "image a", "image c"}));
  expect_latent(all, 0, image(12, 20).unsqueeze(0), 1e-5);
  EXPECT_FALSE(fs::exists(path("all.h5.images"))) << "the packed images are gone";
}

TEST_F(Latents, AreLearntTheSameOnOneRankAndOnTwo) {
  must_run(encode("--images tall.h5,wide.h5 --dtype fp32 --out l.h5"));
  const auto train = [&](const std::string& name, const std::string& more) {
    return fmt::format(
        "train --run {} --data.store l.h5 --model.in_channels 4 --model.patch_size 2 --model.depth 1 "
        "--model.num_heads 2 --model.head_width 8 --train.batch 4 --steps 7 --run.threads 1 {}",
        name, more);
  };
  must_run(train("one", ""));
  must_run(train("two", fmt::format("--sample.vae {} --run.sample_every 7", kPipelineWithVae)), 2);
  const auto one = numbers(folder_ / "one"), two = numbers(folder_ / "two");
  ASSERT_EQ(one.size(), 7U) << "an epoch of both sizes";
  for (size_t step = 0; step < one.size(); ++step) {
    const double loss = one[step].at("loss.teacher");
    EXPECT_NEAR(two[step].at("loss.teacher"), loss, 1e-3 * std::abs(loss)) << "sums are grouped otherwise";
  }

  fs::copy(fmt::format("{}/vae", kPipelineWithVae), path("other_vae"));
  auto other_config = nlohmann::json::parse(read_text(path("other_vae/config.json")));
  other_config["scaling_factor"] = 2.0;
  std::ofstream(path("other_vae/config.json")) << other_config;
  const auto other = run(train("vae", "--sample.vae other_vae"));
  EXPECT_EQ(other.code, kExitConfig);
  EXPECT_THAT(other.text, HasSubstr("holds latents of another autoencoder"));
  const auto channels = run(train("channels", "--model.in_channels 3"));
  EXPECT_THAT(channels.text, HasSubstr("its latents have 4 channels, model.in_channels = 3"));
  const auto reference = run(train(
      "reference", fmt::format("--sample.vae {} --run.eval_every 1 --run.eval_reference l.h5", kPipelineWithVae)));
  EXPECT_THAT(reference.text, HasSubstr("run.eval_reference = l.h5 is a store of latents; one of images is needed"));
}

TEST_F(Latents, FlagsOfPromptsAndOfImagesExcludeEachOther) {
  EXPECT_THAT(run(encode("--images wide.h5 --out l.h5 --prompts p.txt")).text,
              HasSubstr("--prompts does not go with --vae"));
  EXPECT_THAT(run("encode --out l.h5").text, AllOf(HasSubstr("--text and --prompts"), HasSubstr("--vae and --images")));
  EXPECT_THAT(run(encode("--out l.h5")).text, HasSubstr("--images is not given"));
  EXPECT_THAT(run(encode("--images wide.h5 --resolution 16 --out l.h5")).text,
              HasSubstr("--resolution is of a folder"));
  EXPECT_THAT(run(encode("--images tall.h5,wide.h5 --out wide.h5")).text,
              HasSubstr("cannot write wide.h5: --images reads it"));
  EXPECT_EQ(Store(path("wide.h5")).kind(), "images");
}

}  // namespace
}  // namespace fgm
