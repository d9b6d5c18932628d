// Golden bytes: tests/golden/make_tensorboard_golden.py.
#include "launch/runtime/observers/tensorboard_events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "core/base/error.h"
#include "launch/runtime/observers/tfrecord.h"
#include "tests/support/resource_limit.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

constexpr double kWhen = 1700000000.5;

const std::string kPngHeader("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x03\0\0\0\x02", 24);

std::string hex(const std::string& bytes) {
  std::string digits;
  for (const char c : bytes) digits += fmt::format("{:02x}", static_cast<uint8_t>(c));
  return digits;
}

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class TensorboardEventsTest : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder_); }
  void TearDown() override { fs::remove_all(folder_); }

  const fs::path folder_ = fs::path(testing::TempDir()) / fmt::format("events_{}", getpid());
};

// RFC 3720, appendix B.4, and the check value of the CRC catalogue.
TEST(Tfrecord, CrcMatchesPublishedValues) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
}

TEST(Tfrecord, RecordMatchesTensorBoards) {
  EXPECT_EQ(hex(tfrecord("event")), "0500000000000000eab2043e6576656e74e5690bf6");
}

TEST(TensorboardEncoding, MatchesTensorBoardsProtocolBuffers) {
  EXPECT_EQ(hex(encode_file_version(kWhen)), "0900002040fc54d9411a0d627261696e2e4576656e743a32");
  EXPECT_EQ(hex(encode_scalars(kWhen, 300, {{"l1", 0.25}, {"loss.student", -1.5}})),
            "0900002040fc54d94110ac022a200a090a026c31150000803e0a130a0c6c6f73732e73747564656e74150000c0bf");
  EXPECT_EQ(hex(encode_image(kWhen, 1, "grid", kPngHeader)),
            "0900002040fc54d94110012a2a0a280a04677269642220080210031803221889504e470d0a1a0a0000000d49484452"
            "0000000300000002");
}

TEST(TensorboardEncoding, ImageThatIsNoPngIsAnError) {
  EXPECT_THROW(encode_image(kWhen, 1, "grid", "GIF89a, and long enough for a header"), IoError);
  EXPECT_THROW(encode_image(kWhen, 1, "grid", kPngHeader.substr(0, 20)), IoError);
}

TEST_F(TensorboardEventsTest, FileGrowsByOneRecordAStepAndAnImage) {
  TensorboardEvents events(folder_);
  const fs::path file = fs::directory_iterator(folder_)->path();
  EXPECT_THAT(file.filename().string(), testing::StartsWith("events.out.tfevents."));
  constexpr size_t kFraming = 16, kVersionEvent = 24;
  ASSERT_EQ(read(file).size(), kFraming + kVersionEvent);

  events.on_step(300, 400, 0.5, {"student", 64, true, {{"l1", 0.25}, {"loss.student", -1.5}}});
  const size_t scalars = encode_scalars(kWhen, 300, {{"l1", 0.25}, {"loss.student", -1.5}}).size();
  EXPECT_EQ(read(file).size(), 2 * kFraming + kVersionEvent + scalars);

  std::ofstream(folder_ / "grid.png", std::ios::binary) << kPngHeader;
  events.image(300, "grid", folder_ / "grid.png");
  EXPECT_THAT(read(file), testing::HasSubstr(kPngHeader));
}

TEST_F(TensorboardEventsTest, MissingFolderOrImageIsAnError) {
  EXPECT_THROW(TensorboardEvents(folder_ / "missing"), IoError);
  EXPECT_THROW(TensorboardEvents(folder_).image(1, "grid", folder_ / "missing.png"), IoError);
}

TEST_F(TensorboardEventsTest, FullDiskEndsTheRunForGood) {
  TensorboardEvents events(folder_);
  const ResourceLimit full_disk(RLIMIT_FSIZE, 50);
  try {
    events.on_step(1, 1, 0.5, {"student", 64, true, {{"l1", 0.25}, {"loss.student", -1.5}}});
    FAIL() << "wrote to a full disk";
  } catch (const IoError& error) {
    EXPECT_EQ(error.exit_code(), kExitDoNotRequeue) << error.what();
  }
}

}  // namespace
}  // namespace fgm
