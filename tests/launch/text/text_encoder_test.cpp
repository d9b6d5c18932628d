#include "launch/text/text_encoder.h"

#include <gmock/gmock.h>

#include "core/base/error.h"
#include "tests/data/store/embedding_fixture.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr TextConfig kText{.num_tokens = 3, .context_width = 5, .pooled_width = 7};

TEST(TextEncoderOfARun, HasTheSizesOfItsConfig) {
  const std::vector<std::string> captions = {"a red cube", ""};
  const auto condition = make_text_encoder(kText)->encode(captions);
  EXPECT_EQ(condition.context_BLJ.sizes(), (std::vector<int64_t>{2, 3, 5}));
  EXPECT_EQ(condition.pooled_BP.sizes(), (std::vector<int64_t>{2, 7}));
}

TEST(TextEncoderOfARun, EncodesEveryCaptionThatTheCheckLetsPass) {
  const std::vector<std::string> captions = {"a red cube", "three words here", ""};
  check_captions(captions, kText, "captions.txt", /*is_fixed=*/false);
  make_text_encoder(kText)->encode(captions);
}

TEST(TextEncoderOfARun, CaptionsThatAreTooLongAreCountedAndWhatToDoIsSaid) {
  const std::vector<std::string> captions = {"a red cube", "a cube in a box", "a very red cube"};
  const auto refusal = [&](bool is_fixed) {
    return message_of<ConfigError>([&] { check_captions(captions, kText, "captions.txt", is_fixed); });
  };
  EXPECT_THAT(refusal(false), AllOf(HasSubstr("captions.txt: 2 of 3 captions are longer than text.num_tokens = 3"),
                                    HasSubstr("the first: 'a cube in a box'"), HasSubstr("text.num_tokens = 5 would")));
  EXPECT_THAT(refusal(true), HasSubstr("give shorter captions"));
}

TEST(TextEncoderOfARun, TakesSizesAndEncodersFromItsStore) {
  const TemporaryFolder folder;
  write_embeddings(folder / "a.h5", embeddings_of({"a red cube", ""}));
  TextConfig asked;
  asked.store = (folder / "a.h5").string();
  const TextConfig text = with_encoders(asked);
  EXPECT_EQ(text.num_tokens, 6);
  EXPECT_EQ(text.context_width, 5);
  EXPECT_EQ(text.pooled_width, 6);
  EXPECT_EQ(text.encoders, encoders_digest({{"encoders", "tiny"}}));
  EXPECT_EQ(with_encoders(text), text);

  const std::vector<std::string> stored = {"", "a red cube"}, others = {"", "a blue cube", "a green cube"};
  check_captions(stored, text, "captions.txt", /*is_fixed=*/false);
  const auto rows = make_text_encoder(text)->encode(stored);
  EXPECT_TRUE(at::equal(rows.pooled_BP[1], rows_of_records(0, 1).pooled[0]));
  EXPECT_THAT(message_of<ConfigError>([&] { check_captions(others, text, "captions.txt", /*is_fixed=*/false); }),
              AllOf(HasSubstr("captions.txt: 2 of 3 captions are not in text.store"), HasSubstr("'a blue cube'")));
}

TEST(TextEncoderOfARun, RefusesAStoreOfOtherEncoders) {
  const TemporaryFolder folder;
  write_embeddings(folder / "a.h5", embeddings_of({""}));
  TextConfig asked;
  asked.store = (folder / "a.h5").string();
  asked.encoders = "0123456789abcdef";
  EXPECT_THAT(message_of<ConfigError>([&] { with_encoders(asked); }), HasSubstr("text.encoders = 0123456789abcdef"));
  TextConfig trained = with_encoders({.store = asked.store});
  trained.num_tokens = 9;
  EXPECT_THAT(message_of<ConfigError>([&] { make_text_encoder(trained); }),
              AllOf(HasSubstr("holds 6 rows of width 5"), HasSubstr("9 of 5")));
}

}  // namespace
}  // namespace fgm
