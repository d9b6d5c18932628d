#include "launch/sampling/image_folder.h"

#include <gmock/gmock.h>

#include <fstream>

#include "core/base/error.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class Images : public testing::Test {
 protected:
  ImageFolder folder(Layout layout = Layout::kFlat) const { return {folder_ / "out", layout, prompts_, images_}; }

  const TemporaryFolder folder_;
  const std::vector<Prompt> prompts_ = {{"a cat", R"({"prompt": "a cat", "tag": 1})"}, {"a dog", "{}"}};
  const std::vector<std::string> captions_ = {"a cat", "a dog"};
  const ImageList images_{captions_, 2, 1};
  const nlohmann::ordered_json common_ = {{"seed", 1}};
};

TEST_F(Images, AreFilesOfTheirPromptAndNumberInEitherLayout) {
  const auto black = at::zeros({2, 4, 4, 3}, at::kByte);
  folder().begin(common_);
  folder().write(1, black);
  EXPECT_TRUE(fs::exists(folder_ / "out/00000-0001.png"));
  EXPECT_TRUE(fs::exists(folder_ / "out/00001-0000.png"));
  EXPECT_TRUE(folder().holds(1, 2));
  EXPECT_FALSE(folder().holds(0, 2)) << "the first one is missing";
  EXPECT_FALSE(folder().holds(2, 2)) << "the last one is missing";

  fs::remove_all(folder_ / "out");
  folder(Layout::kGenEval).begin(common_);
  folder(Layout::kGenEval).write(3, black.narrow(0, 0, 1));
  EXPECT_TRUE(fs::exists(folder_ / "out/00001/samples/0001.png"));
  std::string line;
  std::getline(std::ifstream(folder_ / "out/00000/metadata.jsonl"), line);
  EXPECT_EQ(line, prompts_[0].metadata);
}

TEST_F(Images, GoOnInAFolderOfTheSameImagesAndInNoOther) {
  folder().check(common_);
  fs::create_directory(folder_ / "out");
  folder().check(common_);
  folder().begin(common_);
  folder().check(common_);
  const auto refusal = [&](const ImageFolder& other, const nlohmann::ordered_json& common) {
    return message_of<ConfigError>([&] { other.check(common); });
  };
  EXPECT_THAT(refusal(folder(), {{"seed", 2}}), HasSubstr("out holds something else than these images"));
  EXPECT_THAT(refusal(folder(Layout::kGenEval), common_), HasSubstr("something else"));
  const ImageList more(captions_, 3, 1);
  EXPECT_THAT(refusal({folder_ / "out", Layout::kFlat, prompts_, more}, common_), HasSubstr("something else"));
}

}  // namespace
}  // namespace fgm
