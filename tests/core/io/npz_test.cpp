#include "core/io/npz.h"

#include <gmock/gmock.h>

#include <fstream>

#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/safetensors.h"
#include "tests/support/errors.h"
#include "tests/support/read_tensor.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

const fs::path kNpzGolden = fs::path(FGM_SOURCE_DIR) / "tests/golden/eval";

class Npz : public ::testing::Test {
 protected:
  fs::path path_ = fs::path(::testing::TempDir()) / "fgm_npz_test.npz";
  ~Npz() override { fs::remove(path_); }
  void write(const std::string& bytes) const { std::ofstream(path_, std::ios::binary) << bytes; }
};

TEST_F(Npz, ReadsWhatNumpyStoredAndDeflated) {
  const SafetensorsFile expected(kNpzGolden / "statistics.safetensors");
  for (const auto* file : {"stored.npz", "deflated.npz"}) {
    const auto arrays = read_npz(kNpzGolden / file);
    ASSERT_EQ(arrays.size(), 2u) << file;
    EXPECT_TRUE(at::equal(arrays.at("mu"), read_tensor(expected, "mu"))) << file;
    EXPECT_TRUE(at::equal(arrays.at("sigma"), read_tensor(expected, "sigma"))) << file;
  }
}

TEST_F(Npz, ReadsWhatItWrote) {
  const std::map<std::string, at::Tensor> arrays = {{"mu", at::arange(3, at::kDouble)},
                                                    {"sigma", at::arange(6, at::kDouble).view({2, 3}).t()},
                                                    {"x", at::scalar_tensor(2.5, at::kDouble)}};
  write_npz(path_, arrays);
  const auto read = read_npz(path_);
  ASSERT_EQ(read.size(), 3u);
  for (const auto& [name, array] : arrays) EXPECT_TRUE(at::equal(read.at(name), array)) << name;
}

TEST_F(Npz, ReadsTheDtypesOfNumpyThatTensorsHave) {
  const auto arrays = read_npz(kNpzGolden / "dtypes.npz");
  const std::map<std::string, at::ScalarType> expected = {
      {"float16", at::kHalf}, {"float32", at::kFloat}, {"float64", at::kDouble},
      {"int8", at::kChar},    {"uint8", at::kByte},    {"int16", at::kShort},
      {"int32", at::kInt},    {"int64", at::kLong},    {"bool", at::kByte}};
  ASSERT_EQ(arrays.size(), expected.size());
  for (const auto& [name, type] : expected) {
    const int64_t step = name == "bool" ? 1 : 7;
    EXPECT_TRUE(at::equal(arrays.at(name), at::tensor({0, 1}, at::kLong).mul(step).to(type))) << name;
    EXPECT_EQ(arrays.at(name).scalar_type(), type) << name;
  }
}

TEST_F(Npz, RefusesWhatNoTensorHoldsByName) {
  for (const std::string name : {"big_endian", "complex", "fortran", "text", "object"}) {
    const auto message = message_of<IoError>([&] { read_npz(kNpzGolden / ("refused_" + name + ".npz")); });
    EXPECT_THAT(message, ::testing::HasSubstr("x: the array is not of little-endian floats or integers")) << name;
  }
}

TEST_F(Npz, SeesAFlippedByteOfAnArrayAndCrashesAtNone) {
  const auto golden = read_file(kNpzGolden / "deflated.npz");
  const auto is_read = [&](size_t flipped) {
    auto damaged = golden;
    damaged[flipped] = static_cast<char>(damaged[flipped] ^ 0x55);
    write(damaged);
    try {
      return !read_npz(path_).empty();
    } catch (const IoError&) {
      return false;
    }
  };
  // The deflated sigma lies at 400 to 1000; a date, a name or a field that the directory repeats may be damaged unseen.
  for (size_t i = 0; i < golden.size(); ++i) EXPECT_FALSE(is_read(i) && i >= 400 && i < 1000) << i;
}

TEST_F(Npz, RefusesAFileThatIsCutShortAnywhere) {
  const auto golden = read_file(kNpzGolden / "stored.npz");
  for (size_t size = 0; size < golden.size(); size += 7) {
    write(golden.substr(0, size));
    EXPECT_THROW(read_npz(path_), IoError) << size;
  }
}

TEST_F(Npz, RefusesALongHeaderWithoutRunningOutOfStack) {
  EXPECT_THROW(read_npz(kNpzGolden / "long_header.npz"), IoError);
}

}  // namespace
}  // namespace fgm
