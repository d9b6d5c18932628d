// Jobs whose captions are looked up in a store of embeddings, through the built program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "data/store/store.h"
#include "tests/data/store/embedding_fixture.h"
#include "tests/support/small_job.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

class TextStore : public SmallJob {
 protected:
  // captions.h5: embeddings of the captions of shapes.h5. teacher-e: trained on them.
  static void SetUpTestSuite() {
    SmallJob::SetUpTestSuite();
    write_embeddings(path("captions.h5"), embeddings_of(captions()));
    const auto trained = run(1, place("e"), train_on_embeddings("--steps 2"));
    ASSERT_EQ(trained.code, kExitDone) << trained.text;
  }

  static std::vector<std::string> captions() {
    const auto prompts = Store(path("shapes.h5")).prompts();
    std::set<std::string> distinct(prompts.begin(), prompts.end());
    distinct.insert("");
    return {distinct.begin(), distinct.end()};
  }
  static std::string train_on_embeddings(const std::string& more) {
    return train_arguments("--model.context_width 5 --model.pooled_width 6 --text.store " + path("captions.h5") + " " +
                           more);
  }
  static std::string distill_on_embeddings(const std::string& more) {
    return "distill --run run --teacher.weights " + path("e/run") + kSettings +
           " --method.batch 12 --student.beta1 0 --steps 2 --data.store " + path("captions.h5") + " --text.store " +
           path("captions.h5") + " " + more;
  }
};

TEST_F(TextStore, TrainingAndDistillationComputeTheSameOnOneRankAndOnTwo) {
  for (const auto& arguments : {train_on_embeddings("--steps 2"), distill_on_embeddings("")}) {
    const auto one = place("one"), two = place("two");
    for (const auto& [ranks, here] : {std::pair(1, one), std::pair(2, two)}) {
      fs::remove_all(here / "run");
      const auto done = run(ranks, here, arguments);
      ASSERT_EQ(done.code, kExitDone) << done.text;
    }
    const auto alone = numbers(one / "run"), shared = numbers(two / "run");
    ASSERT_EQ(alone.size(), 2u);
    for (size_t step = 0; step < alone.size(); ++step) {
      for (const auto& [key, value] : alone[step]) {
        EXPECT_NEAR(value, shared[step].at(key), 1e-3 * std::abs(value) + 1e-6)
            << key << ", sums are grouped otherwise";
      }
    }
  }
}

TEST_F(TextStore, ADamagedEmbeddingIsAnErrorOrIsSkippedAlikeOnOneRankAndOnTwo) {
  const auto one = place("damaged_one"), two = place("damaged_two");
  fs::copy_file(path("captions.h5"), path("damaged.h5"));
  for (const int64_t record : {2, 5}) {
    const auto row = rows_of_records(record, 1).clip;
    const std::string bytes(static_cast<const char*>(row.const_data_ptr()), row.nbytes());
    change_byte(path("damaged.h5"), bytes_of_file(path("damaged.h5")).find(bytes));
  }
  const std::string epoch = fmt::format(" --method.batch {} --run.sample_every 1 --data.store {} --text.store {}",
                                        captions().size(), path("damaged.h5"), path("damaged.h5"));
  for (const auto& [ranks, here] : {std::pair(1, one), std::pair(2, two)}) {
    const auto done = run(ranks, here, distill_on_embeddings(epoch + " --data.max_bad 2"));
    ASSERT_EQ(done.code, kExitDone) << done.text;
    EXPECT_THAT(done.text, HasSubstr("the next record takes its place"));
  }
  const auto alone = numbers(one / "run"), shared = numbers(two / "run");
  ASSERT_EQ(alone.size(), 2u);
  for (const auto& [key, value] : alone[1]) {
    EXPECT_NEAR(value, shared[1].at(key), 1e-3 * std::abs(value) + 1e-6) << key << ", sums are grouped otherwise";
  }
  for (const auto& [ranks, max_bad] : {std::pair(1, 0), std::pair(2, 0), std::pair(2, 1)}) {
    const auto ended =
        run(ranks, place("ended"), distill_on_embeddings(epoch + fmt::format(" --data.max_bad {}", max_bad)));
    EXPECT_EQ(ended.code, kExitConfig) << ended.text;
    EXPECT_THAT(ended.text,
                AllOf(HasSubstr("damaged.h5': record "), HasSubstr(fmt::format("data.max_bad = {} ", max_bad))));
    fs::remove_all(place("ended"));
  }
}

TEST_F(TextStore, AStudentsWeightsKnowTheStoreAndRefuseOneOfOtherEncoders) {
  const auto here = place("sample");
  ASSERT_EQ(run(1, here, distill_on_embeddings("")).code, kExitDone);
  const std::string sample =
      "sample --steps 1 --sample.guidance 1 --sample.weights run --sample.batch 4 --run.threads 1 --sample.prompts " +
      path("captions.h5") + " --sample.out out.h5";
  const auto done = run(2, here, sample);
  ASSERT_EQ(done.code, kExitDone) << done.text;
  EXPECT_EQ(Store(here / "out.h5").prompts(), captions());

  auto others = embeddings_of({"another caption", ""});
  write_embeddings(here / "more.h5", others);
  EXPECT_EQ(run(1, here, sample + " --text.store more.h5 --sample.prompts more.h5").code, kExitDone);
  const auto both = run(1, here, sample + " --text.store more.h5," + path("captions.h5"));
  EXPECT_EQ(both.code, kExitDone) << both.text;
  const auto lacking = run(1, here, sample + " --text.store more.h5");
  EXPECT_EQ(lacking.code, kExitConfig);
  EXPECT_THAT(lacking.text, AllOf(HasSubstr("captions are not in text.store = more.h5"), HasSubstr("fgm encode")));
  others.provenance["encoders"] = "others";
  write_embeddings(here / "others.h5", others);
  const auto refused = run(1, here, sample + " --text.store others.h5 --sample.prompts others.h5");
  EXPECT_EQ(refused.code, kExitConfig);
  EXPECT_THAT(refused.text, HasSubstr("it takes embeddings (encoders "));
}

TEST_F(TextStore, IsRefusedWhereTheTeacherKnowsHashedWords) {
  const auto refused = run(1, place("hashed"), distill_on_embeddings("--teacher.weights " + path("teacher")));
  EXPECT_EQ(refused.code, kExitConfig);
  EXPECT_THAT(refused.text, AllOf(HasSubstr("it takes hashed words in 12 rows of width 64"), HasSubstr("captions.h5")));
}

TEST_F(TextStore, TellsAModelOfAnotherWidthBeforeTheFirstStep) {
  const auto refused = run(1, place("width"), train_on_embeddings("--steps 2 --model.context_width 8"));
  EXPECT_EQ(refused.code, kExitConfig);
  EXPECT_THAT(refused.text, HasSubstr("model.context_width = 8 differs from text.context_width = 5"));
}

TEST_F(TextStore, ADryRunRefusesWhatAStartRefusesAndMayLackTheStore) {
  const auto here = place("dry");
  const auto lacking = run(1, here, distill_on_embeddings("--dry-run --text.store missing.h5"));
  EXPECT_EQ(lacking.code, kExitConfig);
  EXPECT_THAT(lacking.text, HasSubstr("missing.h5"));
  std::ofstream(here / "config.ini") << "[text]\nstore = missing.h5\n";
  const auto plan = run(1, here, "distill --config config.ini --dry-run --teacher.weights " + path("teacher"));
  EXPECT_EQ(plan.code, kExitDone) << plan.text;
  EXPECT_THAT(plan.text, HasSubstr("text.store = missing.h5 is not there yet"));
}

TEST_F(TextStore, ARunDoesNotResumeOnOtherEncoders) {
  const auto here = place("resume");
  ASSERT_EQ(run(1, here, train_on_embeddings("--steps 1")).code, kExitDone);
  auto others = embeddings_of(captions());
  others.provenance["encoders"] = "others";
  write_embeddings(here / "others.h5", others);
  const auto refused = run(1, here, train_on_embeddings("--steps 2 --text.store others.h5"));
  EXPECT_EQ(refused.code, kExitConfig);
  EXPECT_THAT(refused.text, HasSubstr("text.encoders: the checkpoint has "));
  fs::copy_file(path("captions.h5"), here / "moved.h5");
  const auto resumed = run(1, here, train_on_embeddings("--steps 2 --text.store moved.h5"));
  EXPECT_EQ(resumed.code, kExitDone) << resumed.text;
}

TEST_F(TextStore, DataInfoAndVerifySayWhatIsThereAndWhatIsDamaged) {
  const auto here = place("check");
  write_embeddings(here / "a.h5", embeddings_of({"a cube", "a ball", ""}, at::kBFloat16));
  const auto info = run(1, here, "data info a.h5 --json");
  ASSERT_EQ(info.code, kExitDone) << info.text;
  const auto json = nlohmann::json::parse(info.text);
  EXPECT_EQ(json["kind"], "embeddings");
  EXPECT_EQ(json["dtype"], "bfloat16");
  EXPECT_EQ(json["written"], 3);
  EXPECT_EQ(json["shapes"]["text/t5"], (std::vector<int64_t>{3, 4, 5}));
  EXPECT_EQ(json["context"], (std::vector<int64_t>{6, 5}));
  EXPECT_THAT(run(1, here, "data info " + path("shapes.h5")).text, HasSubstr("images: uint8 60 x 24 x 24 x 3"));

  const std::string both = "data verify a.h5 " + path("shapes.h5");
  const auto whole = run(1, here, both);
  EXPECT_EQ(whole.code, kExitDone);
  EXPECT_THAT(whole.text, AllOf(HasSubstr("a.h5: 3 records of embeddings"), HasSubstr("60 records of images")));
  change_byte(here / "a.h5", bytes_of_file(here / "a.h5").find("a ball"));
  const auto damaged = run(1, here, both);
  EXPECT_EQ(damaged.code, kExitConfig);
  EXPECT_THAT(damaged.text, HasSubstr("WRONG  a.h5: record 1: prompt 1 fails its check-sum"));
}

TEST_F(TextStore, DataVerifyRepairsAndDataMergeMakesOneStoreOrAnIndex) {
  const auto here = place("repair");
  write_embeddings(here / "a.h5", embeddings_of({"a cube", "a ball", ""}));
  change_byte(here / "a.h5", bytes_of_file(here / "a.h5").find("a ball"));
  const auto repaired = run(1, here, "data verify a.h5 --repair");
  EXPECT_EQ(repaired.code, kExitConfig) << "a.h5 is damaged as before";
  EXPECT_THAT(repaired.text, HasSubstr("wrote  a.repaired.h5: 2 whole records, 1 left out"));
  EXPECT_EQ(run(1, here, "data verify a.repaired.h5").code, kExitDone);
  EXPECT_THAT(run(1, here, "data verify a.h5 --repair").text, HasSubstr("'a.repaired.h5' is there already"));

  write_embeddings(here / "b.h5", embeddings_of({"a cone", ""}));
  const auto merged = run(1, here, "data merge a.repaired.h5 b.h5 --out m.h5");
  EXPECT_EQ(merged.code, kExitDone);
  EXPECT_THAT(merged.text,
              HasSubstr("m.h5: 3 records of embeddings from 2 files; left out, since they were there already: 1"));
  EXPECT_THAT(run(1, here, "data merge a.h5 b.h5 --out n.h5").text, HasSubstr("a.h5': prompt 1 fails its check-sum"));
  EXPECT_THAT(run(1, here, "data merge b.h5 --out n.h5 --index n.json").text, HasSubstr("give either --out"));
  EXPECT_THAT(run(1, here, "data merge b.h5 " + path("shapes.h5") + ":0.5 --index s.json").text,
              HasSubstr("s.json: 62 records of 2 files"));
}

}  // namespace
}  // namespace fgm
