#include "launch/checkpoint/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "tests/support/errors.h"

namespace fgm {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr const char* kFile0 = "student-00000-of-00002.safetensors";
constexpr const char* kFile1 = "student-00001-of-00002.safetensors";

Manifest sample() {
  Manifest m;
  m.version = "0.1.0";
  m.step = 200;
  m.command = "distill";
  m.nonce = "0123456789abcdef";
  m.restart = 3;
  m.world = 4;
  m.mesh = {2, 2};
  m.seed = 7;
  m.threads = 2;
  m.config = "[run]\ndir = a \"quoted\" path\n";
  m.data = {.store = "store.h5", .size = 100, .epoch = 2, .position = 250};
  m.teacher = Manifest::Teacher{"teacher.safetensors", std::string(32, 'a')};
  m.updates = {{"student", 200}, {"estimator", 400}};
  m.files = {{kFile0, {96, std::string(32, '0')}}, {kFile1, {128, std::string(32, 'f')}}};
  m.tensors["student/w"] = {"student", "w", at::kFloat, {2, 5}, {{kFile0, 0, 6}, {kFile1, 6, 10}}};
  m.tensors["student/scale"] = {"student", "scale", at::kBFloat16, {}, {{kFile1, 0, 1}}};
  return m;
}

TEST(Manifest, ComesBackFromItsJsonAsItWas) {
  const std::string text = to_json(sample());
  const Manifest read = parse_manifest(text, "manifest.json");
  EXPECT_EQ(to_json(read), text);
  EXPECT_EQ(read.config, sample().config);
  EXPECT_EQ(read.tensors.at("student/w").slices[1].begin, 6);
  EXPECT_EQ(read.tensors.at("student/scale").dtype, at::kBFloat16);
}

TEST(Manifest, OnlyARunOnAListOfCaptionsHasTheirDigest) {
  Manifest m = sample();
  EXPECT_FALSE(json::parse(to_json(m))["data"].contains("captions_xxh128"));
  m.data.captions_xxh128 = std::string(32, 'c');
  EXPECT_EQ(parse_manifest(to_json(m), "manifest.json").data.captions_xxh128, m.data.captions_xxh128);
}

TEST(Manifest, ATrainingRunNamesNoTeacher) {
  Manifest m = sample();
  m.teacher.reset();
  EXPECT_FALSE(json::parse(to_json(m)).contains("teacher"));
  EXPECT_FALSE(parse_manifest(to_json(m), "manifest.json").teacher.has_value());
}

TEST(Manifest, SaysWhichKeyIsWrongAndInWhichFile) {
  struct Case {
    const char* pointer;
    json value;  // null: the key is removed
    const char* expected;
  };
  const std::string slices = "/tensors/student~1w/slices";
  const std::vector<Case> cases = {
      {"/format", 2, "format 2 is newer than this fgm"},
      {"/step", nullptr, "'step' is missing"},
      {"/step", "200", "'step' is not a whole number"},
      {"/step", -1, "'step' = -1 is out of range"},
      {"/step", uint64_t{1} << 63, "'step' = 9223372036854775808 is out of range"},
      {"/mesh/shard", 3, "'mesh' is 2 x 3, for 4 ranks"},
      {"/world", uint64_t{1} << 40, "'world' = 1099511627776 is out of range"},
      {"/config", 1, "'config' is not a text"},
      {"/data", json::array(), "data is not an object"},
      {"/attempt/nonce", "0123", "'attempt.nonce' is not 16 hexadecimal digits"},
      {"/teacher/xxh128", std::string(32, 'G'), "'teacher.xxh128' is not 32 hexadecimal digits"},
      {"/files/..~1escape", json{{"bytes", 1}, {"xxh128", std::string(32, '0')}}, "no plain file name"},
      {"/tensors/student~1w/name", "v", "is named student/v"},
      {"/tensors/student~1w/dtype", "F128", "'tensors.student/w.dtype' = F128 is unknown"},
      {"/tensors/student~1w/shape", json{2, 6}, "hold 10 of the 12 elements"},
      {"/tensors/student~1w/shape", json{int64_t{1} << 40, int64_t{1} << 40}, "overflows 64 bits"},
      {"/tensors/student~1w/slices/0/end", 7, "a slice is [6, 10), expected one from 7 on"},
      {"/tensors/student~1w/slices/1/begin", 5, "a slice is [5, 10), expected one from 6 on"},
      {"/tensors/student~1w/slices/1/file", "absent", "is not listed under files"},
  };
  for (const auto& [pointer, value, expected] : cases) {
    json document = json::parse(to_json(sample()));
    if (value.is_null()) {
      document.erase(std::string(pointer).substr(1));
    } else {
      document[json::json_pointer(pointer)] = value;
    }
    const auto message = message_of<IoError>([&] { parse_manifest(document.dump(), "run/manifest.json"); });
    EXPECT_THAT(message, ::testing::StartsWith("run/manifest.json: ")) << pointer;
    EXPECT_THAT(message, HasSubstr(expected)) << pointer;
  }
}

TEST(Manifest, EveryShorterFileIsRefusedAndSoIsAKeyGivenTwice) {
  const std::string text = to_json(sample());
  ASSERT_EQ(text.back(), '\n');
  for (size_t size = 0; size + 1 < text.size(); ++size) {
    EXPECT_THROW(parse_manifest(text.substr(0, size), "m"), IoError) << size;
  }
  EXPECT_THAT(message_of<IoError>([&] { parse_manifest("{\"step\": 1, " + text.substr(1), "m"); }),
              HasSubstr("'step' is given twice"));
  EXPECT_THROW(parse_manifest(std::string(100000, '['), "m"), IoError);
}

TEST(Manifest, CommitChangesWithEveryByteOfTheManifestAndWithTheNonce) {
  const std::string text = to_json(sample());
  const std::string commit = commit_text(text, sample().nonce);
  EXPECT_THAT(commit, ::testing::StartsWith("fgm checkpoint 1\nnonce 0123456789abcdef\nmanifest "));
  EXPECT_NE(commit, commit_text(text + " ", sample().nonce));
  EXPECT_NE(commit, commit_text(text, "0123456789abcdee"));
}

TEST(Manifest, ATextThatIsNotUtf8IsAnErrorAndNotAnUnreadableFile) {
  Manifest m = sample();
  m.data.store = "store\xff.h5";
  EXPECT_THAT(message_of<IoError>([&] { to_json(m); }), HasSubstr("not UTF-8"));
}

}  // namespace
}  // namespace fgm
