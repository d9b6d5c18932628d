#include "data/import/import_cache.h"

#include <gmock/gmock.h>

#include <fstream>

#include "core/base/error.h"
#include "core/io/file.h"
#include "data/import/internal/cached_files.h"
#include "data/store/embedding_writer.h"
#include "data/store/store.h"
#include "data/store/verify_store.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

const fs::path kCaches = fs::path(FGM_SOURCE_DIR) / "tests/golden/caches";
const std::string kDog = "a d\u00F6g";  // in normal form C, which the file is not

// The values of make_cache_golden.py.
at::Tensor golden(at::IntArrayRef shape, double start) {
  return (at::arange(c10::multiply_integers(shape), at::kFloat) / 64 + start).view(shape);
}

EmbeddingRows golden_rows(double k) {
  return {.clip = golden({1, 77, 6}, k), .t5 = golden({1, 4, 8}, k + 0.25), .pooled = golden({1, 6}, k + 0.5)};
}

class Caches : public testing::Test {
 protected:
  void SetUp() override { fs::copy(kCaches / "sd_scripts", folder_ / "cache"); }

  CacheOptions options(const fs::path& from, int64_t max_bad = 1) const {
    return {.from = from,
            .out = folder_ / "out.h5",
            .dtype = at::kFloat,
            .max_bad = max_bad,
            .provenance = {{"tool", "t"}}};
  }
  std::string refusal(const CacheOptions& asked, const fs::path& like = {}) const {
    return message_of<Error>([&] { import_embeddings(asked, like); });
  }

  // A store of `fgm encode`, whose record of a prompt is golden_rows() of `numbers`.
  fs::path write_like(const std::vector<std::string>& prompts, const std::vector<double>& numbers) const {
    const auto path = folder_ / "like.h5";
    EmbeddingWriter::prepare(
        path,
        {.prompts = prompts, .shape = {77, 6, 4, 8, 6, 8}, .dtype = at::kFloat, .provenance = {{"encoders", "tiny"}}});
    for (int64_t i = 0; i < std::ssize(prompts); ++i) {
      EmbeddingWriter(path).write({&i, 1}, golden_rows(numbers.at(static_cast<size_t>(i))));
    }
    EmbeddingWriter::finish(path);
    return path;
  }

  // Whether the store's embedding of the prompt is golden_rows(k), CLIP's rows with zeros behind them.
  void expect_embedding(const std::string& prompt, double k) const {
    auto context = at::full({81, 8}, -1, at::kFloat), pooled = at::full({6}, -1, at::kFloat);
    const EmbeddingStore store(folder_ / "out.h5");
    ASSERT_TRUE(store.read(prompt, context.mutable_data_ptr<float>(), pooled.mutable_data_ptr<float>())) << prompt;
    const auto rows = golden_rows(k);
    EXPECT_TRUE(at::equal(context.slice(0, 0, 77).slice(1, 0, 6), rows.clip[0])) << prompt;
    EXPECT_TRUE(at::equal(context.slice(0, 0, 77).slice(1, 6, 8), at::zeros({77, 2}))) << prompt;
    EXPECT_TRUE(at::equal(context.slice(0, 77), rows.t5[0])) << prompt;
    EXPECT_TRUE(at::equal(pooled, rows.pooled[0])) << prompt;
  }

  LatentInfo vae() const {
    LatentInfo info;
    info.channels = 2;
    info.downscale = 8;
    return info;
  }
  CacheOptions latent_options(const fs::path& from, int64_t max_bad = 0) const {
    auto asked = options(from, max_bad);
    asked.provenance["vae"] = {{"shift_factor", 0.0}, {"scaling_factor", 1.0}};
    return asked;
  }

  const TemporaryFolder folder_;
};

TEST_F(Caches, OfSdScriptsGiveEachCaptionsFirstLineItsEmbedding) {
  const auto report = import_embeddings(options(folder_ / "cache"), {});
  EXPECT_EQ(report.written, 3);
  EXPECT_THAT(report.skipped, ElementsAre(AllOf(HasSubstr("masked_sd3_te.npz"), HasSubstr("apply_t5_attn_mask"))));
  EXPECT_THAT(Store(folder_ / "out.h5").prompts(), ElementsAre("a cat", kDog, ""));
  expect_embedding("a cat", 0);
  expect_embedding(kDog, 1);
  expect_embedding("", 2);
  EXPECT_EQ(read_embedding_info(folder_ / "out.h5").provenance["encoders"], kUnknownEncoders);
  EXPECT_TRUE(verify_store(folder_ / "out.h5", 1).problems.empty());
}

TEST_F(Caches, OfOneCaptionTwiceGiveTheFirstOne) {
  fs::copy(folder_ / "cache/dog_sd3_te.npz", folder_ / "cache/dug_sd3_te.npz");
  std::ofstream(folder_ / "cache/dug.txt") << "a cat";
  EXPECT_EQ(import_embeddings(options(folder_ / "cache"), {}).repeated, 1);
  expect_embedding("a cat", 0);
}

TEST_F(Caches, WithoutTheEmptyPromptTakeItFromAStoreOfTheSameEncodersAndTheirIdentity) {
  fs::remove(folder_ / "cache/empty_sd3_te.npz");
  EXPECT_THAT(refusal(options(folder_ / "cache")), AllOf(HasSubstr("lacks the empty prompt"), HasSubstr("--like")));
  const auto report = import_embeddings(options(folder_ / "cache"), write_like({"a cat", ""}, {0, 7}));
  EXPECT_EQ(report.compared, 1);
  expect_embedding("", 7);
  EXPECT_EQ(read_embedding_info(folder_ / "out.h5").provenance["encoders"], "tiny");
}

TEST_F(Caches, ThatOtherEncodersMadeAreToldByAPromptThatBothHave) {
  const auto like = write_like({"a cat", ""}, {30, 2});
  EXPECT_THAT(refusal(options(folder_ / "cache"), like), AllOf(HasSubstr("'a cat' differs by"), HasSubstr("--like")));
  EXPECT_FALSE(fs::exists(folder_ / "out.h5"));
}

TEST_F(Caches, ThatAreDamagedAreNamedUpToALimitAndNeverCrash) {
  fs::resize_file(folder_ / "cache/dog_sd3_te.npz", 3000);
  fs::remove(folder_ / "cache/cat.txt");
  const auto report = import_embeddings(options(folder_ / "cache", 3), {});
  EXPECT_EQ(report.written, 1);
  EXPECT_THAT(report.skipped, ElementsAre(HasSubstr("there is no caption beside it"), HasSubstr("dog_sd3_te.npz"),
                                          HasSubstr("masked_sd3_te.npz")));
  EXPECT_THAT(refusal(options(folder_ / "cache", 1)), AllOf(HasSubstr("--max-bad = 1"), HasSubstr("dog_sd3_te.npz")));
  EXPECT_THAT(refusal(options(folder_ / "nowhere.txt")), HasSubstr("neither a folder nor a file"));
}

TEST_F(Caches, OfTorchSaveHaveDiffusersNamesAndCountAsManyPromptsAsRows) {
  const auto report = import_embeddings(options(kCaches / "embeddings.pt", 0), {});
  EXPECT_EQ(report.written, 2);
  expect_embedding("a cat", 0);
  expect_embedding("", 1);
  EXPECT_THAT(refusal(options(kCaches / "latents.pt", 1)),
              AllOf(HasSubstr("no file of"), HasSubstr("it has no 'prompt_embeds' or 'context'")));
}

TEST_F(Caches, OfLatentsAreRecordsOfTheirSizesNeitherShiftedNorScaled) {
  EXPECT_EQ(import_latents(latent_options(folder_ / "cache"), vae()).written, 3);
  const Store store(folder_ / "out.h5");
  EXPECT_EQ(store.latent_info().buckets, (std::vector<LatentBucket>{{24, 16, 2}, {48, 32, 1}}));
  EXPECT_FALSE(store.latent_info().has_logvar);
  EXPECT_THAT(store.prompts(), ElementsAre("a cat", kDog, "a cat"));
  const std::vector<int64_t> small = {0, 1}, large = {2};
  EXPECT_TRUE(at::equal(store.latents(small, {}), at::stack({golden({2, 3, 2}, 10), golden({2, 3, 2}, 20)})));
  EXPECT_TRUE(at::equal(store.latents(large, {})[0], golden({2, 6, 4}, 11)));
}

TEST_F(Caches, OfLatentsByTorchSaveAndOfOtherChannels) {
  EXPECT_EQ(import_latents(latent_options(kCaches / "latents.pt"), vae()).written, 1);
  const std::vector<int64_t> first = {0};
  EXPECT_TRUE(at::equal(Store(folder_ / "out.h5").latents(first, {})[0], golden({2, 3, 2}, 10)));
  auto other = vae();
  other.channels = 16;
  EXPECT_THAT(message_of<IoError>([&] { import_latents(latent_options(kCaches / "latents.pt", 1), other); }),
              HasSubstr("its latents have 2 channels, those of the autoencoder 16"));
}

// The check-sums of a zip are compared in an .npz and not in a .pt, so some changes there are read.
TEST_F(Caches, OfWhichAByteIsChangedAreReadOrNamed) {
  for (const std::string name : {"sd_scripts/cat_sd3_te.npz", "sd_scripts/cat_0016x0024_sd3.npz", "embeddings.pt"}) {
    const auto whole = read_file(kCaches / name);
    const auto path = folder_ / "cache" / fs::path(name).filename();
    int num_read = 0, num_refused = 0;
    for (size_t i = 0; i < whole.size(); i += 7) {
      auto changed = whole;
      changed[i] = static_cast<char>(changed[i] ^ 0x55);
      std::ofstream(path, std::ios::binary) << changed;
      try {
        name.ends_with("0024_sd3.npz") ? read_cached_latents(path).prompts : read_cached_embeddings(path).prompts;
        ++num_read;
      } catch (const IoError& error) {
        ++num_refused;
        EXPECT_THAT(error.what(), HasSubstr(path.filename().string())) << i;
      }
    }
    EXPECT_GT(num_read, 0) << name;
    EXPECT_GT(num_refused, 10) << name;
  }
}

}  // namespace
}  // namespace fgm
