#include "core/io/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "core/base/error.h"
#include "tests/support/read_tensor.h"

namespace fgm {
namespace {

using testing::HasSubstr;

class SafetensorsTest : public testing::Test {
 protected:
  SafetensorsTest() { std::filesystem::create_directories(folder_); }
  ~SafetensorsTest() override { std::filesystem::remove_all(folder_); }

  // A file with the given header text and `data_bytes` zero bytes behind it.
  void write_raw(const std::string& header, size_t data_bytes, std::optional<uint64_t> announced = {}) const {
    const uint64_t length = announced.value_or(header.size());
    std::ofstream file(path_, std::ios::binary);
    file.write(reinterpret_cast<const char*>(&length), sizeof(length));
    file << header << std::string(data_bytes, '\0');
  }

  std::string error_on_open() const {
    try {
      const SafetensorsFile file(path_);
    } catch (const IoError& error) {
      return error.what();
    }
    return "no error";
  }

  std::string bytes() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  const std::filesystem::path folder_ = testing::TempDir() + fmt::format("fgm_safetensors_{}", ::getpid());
  const std::filesystem::path path_ = folder_ / "file.safetensors";
};

TEST_F(SafetensorsTest, RoundTripsEveryDtypeShapeAndTheMetadata) {
  std::vector<NamedTensor> tensors;
  for (const auto dtype :
       {at::kBool, at::kByte, at::kChar, at::kShort, at::kInt, at::kLong, at::kUInt16, at::kUInt32, at::kUInt64,
        at::kFloat8_e4m3fn, at::kFloat8_e5m2, at::kHalf, at::kBFloat16, at::kFloat, at::kDouble}) {
    tensors.push_back({c10::toString(dtype), at::arange(15).remainder(2).view({3, 5}).to(dtype)});
  }
  tensors.push_back({"scalar", at::scalar_tensor(2.5)});
  tensors.push_back({"empty", at::zeros({0, 3})});
  tensors.push_back({"strided", at::arange(6).view({2, 3}).t()});
  write_safetensors(path_, tensors, {{"format", "pt"}, {"n\xc3\xa4me", "\"quoted\"\n"}});

  const SafetensorsFile file(path_);
  EXPECT_EQ(file.tensors().size(), tensors.size());
  EXPECT_EQ(file.metadata().at("n\xc3\xa4me"), "\"quoted\"\n");
  for (const auto& [name, tensor] : tensors) {
    const auto view = read_tensor(file, name);
    EXPECT_EQ(view.scalar_type(), tensor.scalar_type()) << name;
    EXPECT_TRUE(at::equal(view.to(at::kDouble), tensor.to(at::kDouble))) << name;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(view.const_data_ptr()) % view.element_size(), 0u) << name;
  }
}

TEST_F(SafetensorsTest, ATensorOutlivesTheFileObject) {
  write_safetensors(path_, {{"a", at::arange(1000)}});
  const auto view = read_tensor(SafetensorsFile(path_), "a");
  EXPECT_TRUE(at::equal(view, at::arange(1000)));
}

TEST_F(SafetensorsTest, ReadsAnyPieceIntoAnotherShapeAndDtype) {
  const auto whole = at::arange(24, at::kInt).view({4, 6});
  write_safetensors(path_, {{"a", whole}});
  const SafetensorsFile file(path_);
  const auto out = at::zeros({2, 5}, at::kDouble);
  file.read("a", 7, out);
  EXPECT_TRUE(at::equal(out, at::arange(7, 17, at::kDouble).view({2, 5})));
  EXPECT_THROW(file.read("a", 20, at::zeros({5})), Error);
  EXPECT_THROW(file.read("a", -1, at::zeros({5})), Error);
}

TEST_F(SafetensorsTest, ReadsUnalignedDataAndBytesThatAreNoBools) {
  constexpr int64_t kCount = 100'000;  // of more than one piece
  write_raw(fmt::format(R"({{"b":{{"dtype":"BOOL","shape":[3],"data_offsets":[0,3]}},)"
                        R"("a":{{"dtype":"I32","shape":[{}],"data_offsets":[3,{}]}}}})",
                        kCount, 3 + 4 * kCount),
            0);
  std::ofstream(path_, std::ios::binary | std::ios::app) << std::string("\x02\x00\x01", 3);
  const auto values = at::arange(kCount, at::kInt);
  std::ofstream(path_, std::ios::binary | std::ios::app)
      .write(static_cast<const char*>(values.const_data_ptr()), static_cast<std::streamsize>(values.nbytes()));
  const SafetensorsFile file(path_);
  const auto bools = at::empty({3}, at::kByte), ints = at::empty({kCount - 1}, at::kInt);
  file.read("b", 0, bools);
  file.read("a", 1, ints);
  EXPECT_TRUE(at::equal(bools, at::tensor({1, 0, 1}, at::kByte)));
  EXPECT_TRUE(at::equal(ints, values.narrow(0, 1, kCount - 1)));
}

TEST_F(SafetensorsTest, TheDigestOfWhatWasWrittenIsThatOfTheFile) {
  const FileDigest written = write_safetensors(path_, {{"a", at::arange(1000)}, {"b", at::ones({3})}}, {{"k", "v"}});
  EXPECT_EQ(written.bytes, bytes().size());
  EXPECT_EQ(written, digest_file(path_));
  write_safetensors(path_, {{"a", at::arange(1, 1001)}, {"b", at::ones({3})}}, {{"k", "v"}});
  EXPECT_NE(written, digest_file(path_));
}

TEST_F(SafetensorsTest, TheDigestOfTheTensorsForgetsTheirOrderInTheFileAndNothingElse) {
  const auto digest = [&](const std::vector<NamedTensor>& tensors) {
    write_safetensors(path_, tensors, {{"step", std::to_string(tensors.size())}});
    return digest_of(SafetensorsFile(path_));
  };
  const auto a = at::arange(6.0), b = at::ones({2, 3});
  const auto reference = digest({{"a", a}, {"b", b}});
  EXPECT_EQ(digest({{"b", b}, {"a", a}}), reference);
  EXPECT_NE(digest({{"a", a}, {"c", b}}), reference);
  EXPECT_NE(digest({{"a", a}, {"b", b.view({3, 2})}}), reference);
  EXPECT_NE(digest({{"a", a}, {"b", b.to(at::kInt)}}), reference);
  EXPECT_NE(digest({{"a", a + 1e-7}, {"b", b}}), reference);
}

// Python: safetensors.torch.save({"e4m3": torch.tensor([1.5, -448.0], dtype=torch.float8_e4m3fn),
//                                 "e5m2": torch.tensor([0.25, -57344.0], dtype=torch.float8_e5m2)}), safetensors 0.8.0.
TEST_F(SafetensorsTest, ReadsTheFloat8ThatPythonWrites) {
  constexpr std::string_view kHeader = R"({"e4m3":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]},)"
                                       R"("e5m2":{"dtype":"F8_E5M2","shape":[2],"data_offsets":[2,4]}})";
  write_raw(std::string(kHeader), 0);
  std::ofstream(path_, std::ios::binary | std::ios::app) << "\x3c\xfe\x34\xfb";
  const SafetensorsFile file(path_);
  const auto values = at::empty({2}, at::kDouble);
  file.read("e4m3", 0, values);
  EXPECT_TRUE(at::equal(values, at::tensor({1.5, -448.0}, at::kDouble)));
  file.read("e5m2", 0, values);
  EXPECT_TRUE(at::equal(values, at::tensor({0.25, -57344.0}, at::kDouble)));
}

// Python: safetensors.numpy.save({"b": np.arange(3, dtype=np.uint8), "a": np.array([[1.5], [-2.0]], np.float32)},
//                                {"format": "np"}), safetensors 0.8.0.
constexpr std::string_view kPythonHeader =
    R"({"__metadata__":{"format":"np"},"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},)"
    R"("b":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}})";
constexpr std::string_view kPythonData("\x00\x00\xc0\x3f\x00\x00\x00\xc0\x00\x01\x02", 11);

TEST_F(SafetensorsTest, WritesTheBytesThatPythonWrites) {
  write_safetensors(path_, {{"b", at::arange(3, at::kByte)}, {"a", at::tensor({1.5f, -2.0f}).view({2, 1})}},
                    {{"format", "np"}});
  std::string header(kPythonHeader);
  header.resize((header.size() + 7) / 8 * 8, ' ');
  const uint64_t length = header.size();
  EXPECT_EQ(bytes(), std::string(reinterpret_cast<const char*>(&length), 8) + header + std::string(kPythonData));
}

TEST_F(SafetensorsTest, ReadsAnUnpaddedHeaderAndUnalignedData) {
  std::ofstream file(path_, std::ios::binary);
  const uint64_t length = kPythonHeader.size() + (kPythonHeader.size() % 2 == 0 ? 1 : 0);
  file.write(reinterpret_cast<const char*>(&length), 8);
  file << kPythonHeader << std::string(length - kPythonHeader.size(), ' ') << kPythonData;
  file.close();
  EXPECT_TRUE(at::equal(read_tensor(SafetensorsFile(path_), "a"), at::tensor({1.5f, -2.0f}).view({2, 1})));
}

TEST_F(SafetensorsTest, UnknownNameSuggestsTheNearest) {
  write_safetensors(path_, {{"final_layer.weight", at::zeros({1})}});
  const SafetensorsFile file(path_);
  EXPECT_FALSE(file.contains("final_layer.weights"));
  try {
    read_tensor(file, "final_layer.weights");
    FAIL() << "no error";
  } catch (const IoError& error) {
    EXPECT_THAT(error.what(), HasSubstr("did you mean 'final_layer.weight'"));
  }
}

struct BadHeader {
  std::string header;
  size_t data_bytes;
  std::string message;
};

TEST_F(SafetensorsTest, MalformedHeadersAreErrorsThatNameTheFileAndTheFault) {
  const std::string ok = R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]})";
  std::string many_ones;
  for (int i = 0; i < 64; ++i) many_ones += ",1";
  const std::vector<BadHeader> table = {
      {"{" + ok, 8, "not valid JSON"},
      {"", 0, "begins with 8 zeros"},
      {"[1]", 0, "not a JSON object"},
      {"{" + ok + "," + ok + "}", 8, "'a' is given twice"},
      {R"({"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8, "'dtype' is given twice"},
      {R"({"a":7})", 0, "not described by an object"},
      {R"({"a":{"shape":[2],"data_offsets":[0,8]}})", 8, "has no dtype"},
      {R"({"a":{"dtype":7,"shape":[8],"data_offsets":[0,8]}})", 8, "dtype is not a string"},
      {R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", 8, "holds -2"},
      {R"({"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}})", 8, "holds 2.0"},
      {R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8, "needs 12 bytes"},
      {R"({"a":{"dtype":"F32","shape":[4611686018427387905],"data_offsets":[0,4]}})", 4, "overflows"},
      {R"({"a":{"dtype":"U8","shape":[0,4294967296,4294967296],"data_offsets":[0,0]}})", 0, "overflows"},
      {R"({"a":{"dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,4]}})", 4, "not a non-negative integer"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", 8, "not [begin, end]"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}})", 8, "not [begin, end]"},
      {"{" + ok + "}", 7, "cut short"},
      {"{" + ok + "}", 9, "file has 9 bytes of data"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8, "a gap"},
      {"{" + ok + R"(,"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})", 12, "an overlap"},
      {R"({"__metadata__":{"format":1}})", 0, "not a string"},
      {R"({"__metadata__":[]})", 0, "__metadata__ is not an object"},
      {"{\"\xff\":" + ok.substr(4) + "}", 8, "not valid JSON"},
      {R"({"a":{"dtype":"U8","shape":[1)" + many_ones + R"(],"data_offsets":[0,1]}})", 1, "65 dimensions"},
      {std::string(100'000, '['), 0, "nested"},
      {R"({"a":{"dtype":"F32","shape":[[[2]]],"data_offsets":[0,8]}})", 8, "nested"},
  };
  for (const auto& [header, data_bytes, message] : table) {
    write_raw(header, data_bytes);
    const auto error = error_on_open();
    EXPECT_THAT(error, HasSubstr(message)) << header.substr(0, 200);
    EXPECT_THAT(error, HasSubstr(path_.string())) << header.substr(0, 200);
  }
}

TEST_F(SafetensorsTest, EveryCutAndEveryFlippedBitOpensOrIsAnIoError) {
  write_safetensors(path_, {{"a", at::arange(3)}, {"b", at::zeros({2, 0})}, {"c", at::ones({3}, at::kBool)}},
                    {{"format", "pt"}});
  const auto whole = bytes();
  int num_refused = 0;
  const auto try_open = [&](const std::string& content) {
    std::ofstream(path_, std::ios::binary) << content;
    try {
      const SafetensorsFile file(path_);
      for (const auto& info : file.tensors()) read_tensor(file, info.name).sum().item();
    } catch (const IoError&) {
      ++num_refused;
    }
  };
  for (size_t length = 0; length < whole.size(); ++length) try_open(whole.substr(0, length));
  EXPECT_EQ(num_refused, static_cast<int>(whole.size()));
  for (size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    auto flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    try_open(flipped);
  }
  EXPECT_GT(num_refused, static_cast<int>(2 * whole.size()));
}

TEST_F(SafetensorsTest, HeaderLengthBeyondTheFileOrTheLimitIsAnError) {
  write_raw("{}", 0, 3);
  EXPECT_THAT(error_on_open(), HasSubstr("cut short"));
  write_raw("{}", 0, 100'000'001);
  EXPECT_THAT(error_on_open(), HasSubstr("not a safetensors file"));
  write_raw("{}", 0, ~uint64_t{0});
  EXPECT_THAT(error_on_open(), HasSubstr("not a safetensors file"));
  std::ofstream(path_) << "\1\2\3\4\5";
  EXPECT_THAT(error_on_open(), HasSubstr("5 bytes"));
}

TEST_F(SafetensorsTest, MissingFileAndFolderAreErrors) {
  EXPECT_THAT(error_on_open(), HasSubstr(path_.string()));
  EXPECT_THROW(SafetensorsFile{folder_}, IoError);
}

TEST_F(SafetensorsTest, StreamedTensorsAreTheSameFileAndMadeWhenTheirTurnComes) {
  const auto a = at::arange(6).to(at::kFloat).view({2, 3}), b = at::ones({2}, at::kHalf);
  int num_alive = 0, most_alive = 0;
  const auto make = [&](const at::Tensor& tensor) {
    return [&num_alive, &most_alive, tensor] {
      most_alive = std::max(most_alive, ++num_alive);
      const auto storage = tensor.clone();
      return at::from_blob(
          storage.data_ptr(), tensor.sizes(), [&num_alive, storage](void*) { --num_alive; }, tensor.scalar_type());
    };
  };
  const auto whole = write_safetensors(folder_ / "whole", {{"b", b}, {"a", a}}, {{"k", "v"}});
  const auto streamed = stream_safetensors(
      folder_ / "streamed", {{"b", at::kHalf, {2}, make(b)}, {"a", at::kFloat, {2, 3}, make(a)}}, {{"k", "v"}});
  EXPECT_EQ(streamed, whole);
  EXPECT_EQ(most_alive, 1);
  EXPECT_THROW(stream_safetensors(folder_ / "lie", {{"a", at::kFloat, {6}, make(a)}}), Error);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "lie"));
}

TEST_F(SafetensorsTest, WriterRefusesWhatAReaderWould) {
  const auto a = at::zeros({1});
  EXPECT_THROW(write_safetensors(path_, {{"a", a}, {"a", a}}), IoError);
  EXPECT_THROW(write_safetensors(path_, {{"__metadata__", a}}), IoError);
  EXPECT_THROW(write_safetensors(path_, {{"\xff", a}}), IoError);
  EXPECT_THROW(write_safetensors(path_, {{"a", at::zeros({1}, at::kComplexFloat)}}), IoError);
  EXPECT_THROW(write_safetensors(folder_ / "missing" / "file", {{"a", a}}), IoError);
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(SafetensorsTest, WriteThatFailsHalfWayLeavesTheOlderFileAndNoOther) {
  write_safetensors(path_, {{"a", at::arange(4)}});
  const auto older = bytes();
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  ::getrlimit(RLIMIT_FSIZE, &limit);
  const rlimit small{4096, limit.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  EXPECT_THROW(write_safetensors(path_, {{"a", at::zeros({4096})}}), IoError);
  ::setrlimit(RLIMIT_FSIZE, &limit);
  EXPECT_EQ(bytes(), older);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

}  // namespace
}  // namespace fgm
