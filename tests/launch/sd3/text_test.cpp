// Prompts of Stable Diffusion 3 from text to image, against diffusers on the tiny pipeline of
// tests/golden/make_text_golden.py and make_text_images_golden.py.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/io/lock_file.h"
#include "data/store/embedding_store.h"
#include "data/store/embedding_writer.h"
#include "data/store/store.h"
#include "launch/text/sd3_text.h"
#include "tests/launch/sd3/sd3_job.h"
#include "tests/support/errors.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr const char* kWhole = FGM_SOURCE_DIR "/tests/golden/sd3_text";

class Text : public Sd3Job {
 protected:
  Text() : golden_(std::string(kWhole) + ".safetensors"), images_(std::string(kWhole) + "_images.safetensors") {
    prompts_ = nlohmann::json::parse(golden_.metadata().at("prompts")).get<std::vector<std::string>>();
    std::ofstream file(folder_ / "prompts.txt");
    for (const auto& prompt : prompts_) file << prompt << "\n";
  }

  static std::string encode(const std::string& more) {
    return fmt::format("encode --text {} --prompts prompts.txt --run.threads 1 {}", kWhole, more);
  }
  static at::Tensor wanted(const SafetensorsFile& file, const std::string& name) { return read_tensor(file, name); }
  static void expect_near(const at::Tensor& ours, const at::Tensor& theirs, double tolerance) {
    ASSERT_EQ(ours.sizes(), theirs.sizes());
    EXPECT_LE((ours - theirs).abs().max().item<float>(), tolerance * theirs.abs().max().item<float>());
  }

  SafetensorsFile golden_, images_;
  std::vector<std::string> prompts_;
};

TEST_F(Text, IsEncodedAsDiffusersEncodesIt) {
  must_run(encode("--out all.safetensors"));
  const SafetensorsFile ours(path("all.safetensors"));
  for (const char* ids : {"ids.clip_l", "ids.clip_g"}) {
    EXPECT_TRUE(at::equal(wanted(ours, ids), wanted(golden_, ids))) << ids;
  }
  EXPECT_TRUE(at::equal(wanted(ours, "ids.t5"), wanted(golden_, "ids.t5.77")));
  expect_near(wanted(ours, "context"), wanted(golden_, "prompt_embeds.77"), 1e-5);
  expect_near(wanted(ours, "pooled"), wanted(golden_, "pooled_prompt_embeds"), 1e-5);

  must_run(encode("--t5-tokens 154 --out longer.safetensors"));
  const SafetensorsFile longer(path("longer.safetensors"));
  expect_near(wanted(longer, "context").narrow(0, 0, 1).slice(1, 77, {}, 7), wanted(golden_, "prompt_embeds.154"),
              1e-5);
}

TEST_F(Text, WithoutT5HasZerosInItsPlace) {
  const auto refused = run(encode("--no-t5 --dtype fp32 --out no_t5.safetensors"));
  EXPECT_THAT(refused.text, HasSubstr("--dtype is of a store"));
  must_run(encode("--no-t5 --out no_t5.safetensors"));
  const SafetensorsFile ours(path("no_t5.safetensors"));
  EXPECT_FALSE(ours.contains("ids.t5"));
  const auto context = wanted(ours, "context");
  expect_near(context.narrow(1, 0, 77), wanted(golden_, "prompt_embeds.77").narrow(1, 0, 77), 1e-5);
  EXPECT_EQ(context.narrow(1, 77, 77).abs().max().item<float>(), 0.0f);
}

TEST_F(Text, AStoreOfAnyNumberOfRanksHoldsTheSameBits) {
  {
    std::ofstream file(folder_ / "prompts.txt");
    for (int i = 0; i < 50; ++i) file << "a dog and " << i % 47 << " cats\n";
  }
  must_run(encode("--dtype fp32 --out one.h5"));
  must_run(encode("--dtype fp32 --out whole.h5"), 2);
  must_run(encode("--dtype fp32 --out shards.h5 --mesh.shard 2"), 2);
  must_run(encode("--dtype bf16 --out half.h5"));
  EXPECT_EQ(EmbeddingStore(path("one.h5")).info().size, 48) << "each prompt once, and the empty one";
  const std::vector<std::string> prompts = {"", "a dog and 37 cats", "a dog and 3 cats"};
  const auto read = [&](const std::string& name) {
    std::vector<EmbeddingStore> stores;
    stores.emplace_back(path(name));
    return StoredTextEncoder(std::move(stores)).encode(prompts);
  };
  const auto expected = read("one.h5");
  for (const char* other : {"whole.h5", "shards.h5"}) {
    const auto found = read(other);
    EXPECT_TRUE(at::equal(found.context_BLJ, expected.context_BLJ)) << other;
    EXPECT_TRUE(at::equal(found.pooled_BP, expected.pooled_BP)) << other;
  }
  EXPECT_TRUE(at::equal(read("half.h5").context_BLJ, expected.context_BLJ.to(at::kBFloat16).to(at::kFloat)));
}

TEST_F(Text, EncodingGoesOnWhereItWasAndRefusesOtherPrompts) {
  must_run(encode("--out whole.h5"));
  EXPECT_THAT(run(fmt::format("encode --text {} --prompts whole.h5 --out ./whole.h5", kWhole)).text,
              HasSubstr("--prompts reads it"));
  // What a kill leaves: the layout with some of its records.
  fs::copy_file(path("whole.h5"), path("cut.h5.partial"));
  {
    const EmbeddingWriter writer(path("cut.h5"));
    ASSERT_TRUE(writer.remaining(0, 3).empty());
  }
  std::fstream bytes(path("cut.h5.partial"), std::ios::binary | std::ios::in | std::ios::out);
  bytes.seekp(-3, std::ios::end);  // in the last record
  bytes.put('!');
  bytes.close();
  must_run(encode("--out cut.h5"));
  EXPECT_FALSE(fs::exists(path("cut.h5.partial")));
  EXPECT_EQ(EmbeddingStore(path("cut.h5")).digest(), EmbeddingStore(path("whole.h5")).digest());

  fs::copy_file(path("whole.h5"), path("other.h5.partial"));
  std::ofstream(folder_ / "prompts.txt") << "something else\n";
  const auto refused = run(encode("--out other.h5"));
  EXPECT_EQ(refused.code, kExitConfig);
  EXPECT_THAT(refused.text, HasSubstr("was begun for other embeddings (prompts)"));
}

TEST_F(Text, OfTwoEncodingsOfOneStoreTheSecondIsRefused) {
  const LockFile first(path("out.h5"));
  const auto refused = run(encode("--out out.h5"));
  EXPECT_EQ(refused.code, kExitConfig);
  EXPECT_THAT(refused.text, HasSubstr("another process is writing 'out.h5'"));
}

TEST_F(Text, BecomesTheImagesThatDiffusersDraws) {
  for (const int steps : {1, 4, 28}) {
    for (const char* guidance : {"1.0", "4.5"}) {
      const auto name = fmt::format("{}.{}", steps, guidance);
      must_run(fmt::format(
          "sample --run.threads 1 --sample.weights {0} --sample.prompts prompts.txt --sample.noise {0}_images"
          ".safetensors --steps {1} --sample.guidance {2} --sample.batch 2 --text.num_tokens 154 "
          "--sample.out {3}.h5",
          kWhole, steps, guidance, name));
      const std::vector<int64_t> both = {0, 1};
      const auto ours = Store(path(name + ".h5")).images(both).to(at::kInt);
      const auto theirs = wanted(images_, "pixels." + name).to(at::kInt);
      EXPECT_LE((ours - theirs).abs().max().item<int>(), 1) << name;
    }
  }
}

TEST_F(Text, ImagesOfOtherNoiseDoNotGoIntoTheSameFolder) {
  const auto noise = wanted(images_, "noise");
  write_safetensors(path("noise.safetensors"), {{"noise", noise}});
  const auto sample = fmt::format(
      "sample --run.threads 1 --sample.weights {} --sample.prompts prompts.txt --sample.noise noise.safetensors "
      "--steps 1 --sample.guidance 1 --text.num_tokens 154 --sample.out images",
      kWhole);
  must_run(sample);
  must_run(sample);
  write_safetensors(path("noise.safetensors"), {{"noise", noise + 1}});
  EXPECT_THAT(run(sample).text, HasSubstr("images holds something else than these images"));
}

TEST_F(Text, OfAStoreAndOfEncodersAtWorkIsTheSame) {
  must_run(encode("--dtype fp32 --out text.h5"));
  const std::string sample = fmt::format(
      "sample --run.threads 1 --sample.weights {} --sample.prompts prompts.txt --steps 2 --sample.guidance 4.5 "
      "--sample.batch 2 ",
      kWhole);
  must_run(sample + "--text.store text.h5 --sample.out stored.png");
  must_run(sample + fmt::format("--sample.text {} --text.num_tokens 154 --sample.out live.png", kWhole));
  EXPECT_EQ(read_file(path("stored.png")), read_file(path("live.png")));
}

TEST_F(Text, GoesThroughADistillationOnTwoRanksAndOutAgain) {
  must_run(encode("--out text.h5"));
  const auto distill = [&](const std::string& name, const std::string& text) {
    must_run(fmt::format("distill --run {} --teacher.weights {} --data.store text.h5 --steps 2 --run.threads 1 "
                         "--method.batch 4 --student.lr 1e-3 --method.init_time 0.75 --method.teacher_guidance 4.5 {}",
                         name, kWhole, text),
             2);
  };
  distill("stored", "--text.store text.h5");
  distill("live", fmt::format("--text.model {} --text.num_tokens 154", kWhole));
  must_run("export stored --role student --format diffusers --out student");
  EXPECT_TRUE(fs::exists(path("student/transformer/config.json")) || fs::exists(path("student/config.json")));
  const auto drawn = run(
      "sample --sample.weights stored --sample.role student --steps 1 --sample.guidance 1 --sample.prompts prompts.txt "
      "--run.threads 1 --sample.out student.png --sample.vae " +
      std::string(kWhole));
  EXPECT_EQ(drawn.code, kExitDone) << drawn.text;
  EXPECT_EQ(drawn.text.find("hashed words"), std::string::npos);
}

TEST_F(Text, ThatIsCutIsNamedOnce) {
  const auto cut = run(encode("--out all.safetensors"));
  EXPECT_THAT(cut.text, HasSubstr("1 of 2 prompts are longer than the 77 tokens that CLIP sees"));
}

TEST_F(Text, IsNotCutIntoTokensAfterASignal) {
  const Sd3Text text(kWhole);
  int asked = 0;
  const auto stop_at_the_second = [&] { return ++asked == 2; };
  ASSERT_EQ(prompts_.size(), 2u);
  EXPECT_EQ(exit_code_from([&] { text.find_cut(prompts_, stop_at_the_second); }), kExitRequeue);
}

TEST_F(Text, TakesNoMoreT5TokensThanAnyNetworkSees) {
  for (const char* tokens : {"1", "4097", "9223372036854775807"}) {
    const auto refused = run(encode(fmt::format("--t5-tokens {} --out all.h5", tokens)));
    EXPECT_EQ(refused.code, kExitConfig);
    EXPECT_THAT(refused.text, HasSubstr(fmt::format("{} tokens of T5 are not in 2 to 4096", tokens)));
  }
}

TEST_F(Text, OfEncodersAtWorkHasAsManyTokensAsAskedOrIsRefused) {
  const auto sample = [](const std::string& tokens) {
    return fmt::format(
        "sample --dry-run --sample.weights {0} --sample.text {0} --sample.prompts prompts.txt --steps 1 --sample.out o "
        "--text.num_tokens {1}",
        kWhole, tokens);
  };
  must_run(sample("79"));
  for (const char* tokens : {"13", "77", "78", "4174", "9223372036854775807"}) {
    const auto refused = run(sample(tokens));
    EXPECT_EQ(refused.code, kExitConfig);
    EXPECT_THAT(refused.text, HasSubstr(fmt::format("text.num_tokens = {} is CLIP's 77 tokens and T5's", tokens)));
  }
}

}  // namespace
}  // namespace fgm
