#include "launch/text/text_encoder.h"

#include <gmock/gmock.h>

#include "core/base/error.h"
#include "tests/support/errors.h"

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

}  // namespace
}  // namespace fgm
