// Golden bytes: tests/golden/make_tensorboard_golden.py.
#include "launch/runtime/observers/tensorboard_events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <ctime>
#include <set>

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
  EXPECT_EQ(hex(encode_session_start(kWhen, 301)), "0900002040fc54d94110ad023a020801");
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

// The records of the folder's files, in the order in which TensorBoard reads them, without their times.
std::vector<std::string> records(const fs::path& folder) {
  std::set<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) files.insert(entry.path());
  std::vector<std::string> records;
  for (const auto& file : files) {
    const std::string bytes = read(file);
    constexpr size_t kHeader = 12, kFooter = 4, kTime = 9;
    for (size_t at = 0; at < bytes.size();) {
      uint64_t length = 0;
      std::memcpy(&length, bytes.data() + at, sizeof(length));
      records.push_back(bytes.substr(at + kHeader + kTime, length - kTime));
      at += kHeader + length + kFooter;
    }
  }
  return records;
}

TEST_F(TensorboardEventsTest, RunThatGoesOnTellsTensorBoardToDropTheLaterSteps) {
  TensorboardEvents(folder_, 0).on_step(7, 9, 0.5, {"student", 64, true, {{"l1", 0.25}}});
  TensorboardEvents(folder_, 5).on_step(6, 9, 0.5, {"student", 64, true, {{"l1", 0.25}}});
  std::vector<std::string> expected;
  for (const auto& event :
       {encode_file_version(kWhen), encode_session_start(kWhen, 1), encode_session_start(kWhen, 1),
        encode_scalars(kWhen, 7, {{"l1", 0.25}}), encode_file_version(kWhen), encode_session_start(kWhen, 6),
        encode_session_start(kWhen, 6), encode_scalars(kWhen, 6, {{"l1", 0.25}})}) {
    expected.push_back(event.substr(9));
  }
  EXPECT_EQ(records(folder_), expected);
}

TEST_F(TensorboardEventsTest, NamesGoOnWhereTheClockGoesBack) {
  const std::string tomorrow = fmt::format("events.out.tfevents.{}.host.1", std::time(nullptr) + 86400);
  for (const auto& name : {tomorrow, std::string("events.out.tfevents.latest"), std::string("zzz")}) {
    std::ofstream(folder_ / name) << "";
  }
  TensorboardEvents events(folder_, 0);
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    if (fs::file_size(entry) > 0) names.insert(entry.path().filename().string());
  }
  ASSERT_EQ(names.size(), 1u);
  EXPECT_GT(*names.begin(), tomorrow);
}

TEST_F(TensorboardEventsTest, FileGrowsByOneRecordAStepAndAnImage) {
  TensorboardEvents events(folder_, 0);
  const fs::path file = fs::directory_iterator(folder_)->path();
  EXPECT_THAT(file.filename().string(), testing::StartsWith("events.out.tfevents."));
  constexpr size_t kFraming = 16;
  const size_t size_before = read(file).size();

  events.on_step(300, 400, 0.5, {"student", 64, true, {{"l1", 0.25}, {"loss.student", -1.5}}});
  const size_t scalars = encode_scalars(kWhen, 300, {{"l1", 0.25}, {"loss.student", -1.5}}).size();
  EXPECT_EQ(read(file).size(), size_before + kFraming + scalars);

  std::ofstream(folder_ / "grid.png", std::ios::binary) << kPngHeader;
  events.image(300, "grid", folder_ / "grid.png");
  EXPECT_THAT(read(file), testing::HasSubstr(kPngHeader));
}

TEST_F(TensorboardEventsTest, MissingFolderOrImageIsAnError) {
  EXPECT_THROW(TensorboardEvents(folder_ / "missing", 0), IoError);
  EXPECT_THROW(TensorboardEvents(folder_, 0).image(1, "grid", folder_ / "missing.png"), IoError);
}

TEST_F(TensorboardEventsTest, FullDiskEndsTheRunForGood) {
  TensorboardEvents events(folder_, 0);
  const ResourceLimit full_disk(RLIMIT_FSIZE, 130);
  try {
    events.on_step(1, 1, 0.5, {"student", 64, true, {{"l1", 0.25}, {"loss.student", -1.5}}});
    FAIL() << "wrote to a full disk";
  } catch (const IoError& error) {
    EXPECT_EQ(error.exit_code(), kExitDoNotRequeue) << error.what();
  }
}

}  // namespace
}  // namespace fgm
