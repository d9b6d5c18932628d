#include "data/import/cifar10.h"

#include <gmock/gmock.h>

#include <fstream>

#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

class Cifar10 : public testing::Test {
 protected:
  // A record whose red plane is `red`, green 1, blue counts up.
  static std::string record(char label, char red) {
    std::string bytes(1, label);
    bytes += std::string(1024, red) + std::string(1024, '\1');
    for (int i = 0; i < 1024; ++i) bytes += static_cast<char>(i % 251);
    return bytes;
  }
  void write(const std::string& name, const std::string& bytes) const {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
  }
  TemporaryFolder folder_;
};

TEST_F(Cifar10, PlanesBecomePixelsAndLabelsBecomeTheNamesOfClasses) {
  write("test_batch.bin", record(3, '\7') + record(9, '\x80'));
  const auto contents = read_cifar10(folder_.path(), CifarSplit::kTest);
  EXPECT_THAT(contents.prompts, testing::ElementsAre("cat", "truck"));
  ASSERT_EQ(contents.images_NHWC.sizes(), (std::vector<int64_t>{2, 32, 32, 3}));
  const auto pixel = [&](int64_t n, int64_t row, int64_t column) { return contents.images_NHWC[n][row][column]; };
  EXPECT_TRUE(at::equal(pixel(0, 0, 0), at::tensor({7, 1, 0}, at::kByte)));
  EXPECT_TRUE(at::equal(pixel(0, 2, 5), at::tensor({7, 1, 69}, at::kByte)));
  EXPECT_TRUE(at::equal(pixel(1, 31, 31), at::tensor({128, 1, 1023 % 251}, at::kByte)));
}

TEST_F(Cifar10, TheTrainingImagesAreThoseOfFiveFilesInOrder) {
  for (char i = 1; i <= 5; ++i) write(fmt::format("data_batch_{}.bin", static_cast<int>(i)), record(i, '\0'));
  EXPECT_THAT(read_cifar10(folder_.path(), CifarSplit::kTrain).prompts,
              testing::ElementsAre("automobile", "bird", "cat", "deer", "dog"));
}

TEST_F(Cifar10, NamesTheFileThatIsMissingCutShortOrOfOtherLabels) {
  const auto refusal = [&] { return message_of<IoError>([&] { read_cifar10(folder_.path(), CifarSplit::kTest); }); };
  EXPECT_THAT(refusal(), testing::HasSubstr("test_batch.bin"));
  write("test_batch.bin", record(0, '\0').substr(1));
  EXPECT_THAT(refusal(), testing::AllOf(testing::HasSubstr("3072 bytes"), testing::HasSubstr("cifar-10-batches-bin")));
  write("test_batch.bin", record(1, '\0') + record(10, '\0'));
  EXPECT_THAT(refusal(), testing::HasSubstr("record 1 has the label 10"));
}

}  // namespace
}  // namespace fgm
