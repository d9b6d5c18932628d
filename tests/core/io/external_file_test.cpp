// Files of others: that are no weights, that have types of elements which are not read here, that change under the
// reader's hands, that hold NaN.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/io/file_kind.h"
#include "core/io/safetensors.h"
#include "tests/support/errors.h"
#include "tests/support/read_tensor.h"
#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using std::string_literals::operator""s;

class ExternalFile : public testing::Test {
 protected:
  fs::path write(const std::string& name, const std::string& bytes) const {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return folder_ / name;
  }
  fs::path write_header(const std::string& json, size_t data_bytes) const {
    const uint64_t length = json.size();
    return write("file.safetensors",
                 std::string(reinterpret_cast<const char*>(&length), 8) + json + std::string(data_bytes, '\0'));
  }
  std::string error_of(const std::string& name, const std::string& bytes) const {
    const auto path = write(name, bytes);
    const auto error = message_of<IoError>([&] { SafetensorsFile{path}; });
    EXPECT_THAT(error, AllOf(HasSubstr(path.string()), Not(HasSubstr("\n"))));
    return error;
  }

  TemporaryFolder folder_;
};

TEST_F(ExternalFile, IsToldByItsFirstBytesWithWhatToDo) {
  EXPECT_THAT(error_of("a.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:5\nsize 4170598136\n"),
              HasSubstr("is a Git LFS pointer, not the file that it stands for: run `git lfs pull`"));
  EXPECT_THAT(error_of("b.safetensors", "\n<!doctype html><html>Sign in</html>"),
              AllOf(HasSubstr("is a web page, not weights (' <!doctype html>"), HasSubstr("Log in")));
  EXPECT_THAT(error_of("c.safetensors", "Access to model is restricted.\nYou must be authenticated."),
              HasSubstr("is text, not weights ('Access to model is restricted. You"));
  EXPECT_THAT(error_of("d.gguf", "GGUF\3\0\0\0\x0c\0\0\0\0\0\0\0"s), HasSubstr("is a GGUF file"));
  EXPECT_THAT(error_of("e.bin", "\x80\x02\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19."), HasSubstr("is a Python pickle"));
  const std::string zip = "PK\3\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"s;
  EXPECT_THAT(error_of("f.ckpt", "PK\3\4\x14"s), HasSubstr("is a PyTorch checkpoint"));
  EXPECT_THAT(error_of("f.data", zip + "\x10\0\0\0archive/data.pkl"s), HasSubstr("is a PyTorch checkpoint"));
  EXPECT_THAT(error_of("g.npz", zip + "\5\0\0\0x.npy"s), HasSubstr("is a NumPy archive"));
  EXPECT_THAT(error_of("h.zip", zip + "\5\0\0\0x.txt"s), HasSubstr("is a packed archive: unpack it first"));
  EXPECT_THAT(error_of("i.h5", "\x89HDF\r\n\x1a\n\0\0\0\0"s), HasSubstr("is an HDF5 file"));
  EXPECT_THAT(error_of("j.safetensors", ""), EndsWith("is empty"));
  EXPECT_THAT(error_of("k.safetensors", "[\"an error\"]"), HasSubstr("is text"));
  EXPECT_THAT(error_of("l.safetensors",
                       "\x7f"
                       "ELF\2\1\1\0\0\0\0\0"s),
              HasSubstr("not a safetensors file"));
}

TEST_F(ExternalFile, ThatHasNotArrivedIsCalledADownload) {
  EXPECT_THAT(error_of("a.safetensors", std::string(5000, '\0')),
              HasSubstr("begins with 4096 zeros: its bytes have not"));
  EXPECT_THAT(error_of("b.incomplete", std::string(100, '\0')),
              HasSubstr("(.incomplete is the name of a download that is not finished)"));
  const auto whole = folder_ / "c.safetensors";
  write_safetensors(whole, {{"a", at::ones({100})}});
  fs::resize_file(whole, fs::file_size(whole) - 8);
  EXPECT_THAT(message_of<IoError>([&] { SafetensorsFile{whole}; }),
              HasSubstr("the tensors end at byte 400 and the file has 392 bytes of data: it is cut short; copy or"));
  write_safetensors(whole, {{"a", at::ones({100})}});
  ASSERT_NO_THROW(SafetensorsFile{whole});
  write("c.safetensors.aria2", "");
  EXPECT_THAT(message_of<IoError>([&] { SafetensorsFile{whole}; }), HasSubstr("aria2 has not finished it"));
}

// A copied or cleaned Hugging Face cache is full of them.
TEST_F(ExternalFile, ThatIsALinkToNothingSaysWhereItLeads) {
  fs::create_symlink("../../blobs/abc", folder_ / "a.safetensors");
  EXPECT_THAT(message_of<IoError>([&] { SafetensorsFile{folder_ / "a.safetensors"}; }),
              HasSubstr("a.safetensors, a link to ../../blobs/abc: No such file"));
}

TEST_F(ExternalFile, IsHdf5ByItsSignatureAlsoBehindAUserBlock) {
  const std::string signature = "\x89HDF\r\n\x1a\n";
  for (const size_t user_block : {0u, 512u, 1024u, 4096u}) {
    EXPECT_TRUE(is_hdf5(write("a", std::string(user_block, 'x') + signature))) << user_block;
  }
  EXPECT_FALSE(is_hdf5(write("a", std::string(100, 'x') + signature)));
  EXPECT_FALSE(is_hdf5(write("a", "\x89HDF")));
  EXPECT_FALSE(is_hdf5(folder_ / "absent"));
}

TEST_F(ExternalFile, OpensWithElementsThatAreNotReadHere) {
  for (const auto& [dtype, shape, bytes] : std::vector<std::tuple<std::string, int, int>>{
           {"F4", 8, 4}, {"F6_E2M3", 4, 3}, {"F6_E3M2", 8, 6}, {"F8_E8M0", 4, 4}, {"C64", 1, 8}, {"NEW9", 3, 5}}) {
    const auto path =
        write_header(fmt::format(R"({{"a":{{"dtype":"F32","shape":[2],"data_offsets":[0,8]}},)"
                                 R"("b":{{"dtype":"{}","shape":[{}],"data_offsets":[8,{}]}},"__metadata__":null}})",
                                 dtype, shape, 8 + bytes),
                     static_cast<size_t>(8 + bytes));
    const SafetensorsFile file(path);
    EXPECT_TRUE(file.metadata().empty());
    EXPECT_TRUE(at::equal(read_tensor(file, "a"), at::zeros({2})));
    EXPECT_EQ(dtype_name(file.info("b")), dtype);
    EXPECT_THAT(message_of<IoError>([&] { file.read("b", 0, at::empty({1})); }),
                HasSubstr("b is " + dtype + ", which fgm does not read"));
  }
}

TEST_F(ExternalFile, IsRefusedWhereSuchElementsDoNotFillTheirBytes) {
  const auto error_with = [&](const std::string& dtype, int shape, int bytes) {
    const auto path =
        write_header(fmt::format(R"({{"a":{{"dtype":"{}","shape":[{}],"data_offsets":[0,{}]}}}})", dtype, shape, bytes),
                     static_cast<size_t>(bytes));
    return message_of<IoError>([&] { SafetensorsFile{path}; });
  };
  EXPECT_THAT(error_with("F4", 3, 2), HasSubstr("3 elements of F4 are no whole number of bytes"));
  EXPECT_THAT(error_with("F6_E3M2", 4, 4), HasSubstr("its shape needs 3 bytes, data_offsets span 4"));
}

// See Note [Weights are not mapped].
TEST_F(ExternalFile, WrittenOverAfterItsOpeningIsAnErrorThatMayPass) {
  const auto path = folder_ / "a.safetensors", other = folder_ / "b.safetensors";
  const auto read_after = [&](const auto& change) {
    write_safetensors(path, {{"a", at::zeros({100'000})}});
    fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::hours(1));
    const SafetensorsFile file(path);
    const auto out = at::ones({100'000});
    file.read("a", 0, out);
    EXPECT_EQ(out.sum().item<double>(), 0.0);
    change();
    const auto read = [&] { file.read("a", 0, out); };
    EXPECT_THAT(message_of<IoError>(read), HasSubstr(path.string() + " was written over while it was read"));
    EXPECT_EQ(exit_code_from(read), kExitCrash);
  };
  write_safetensors(other, {{"a", at::ones({100'000})}});
  read_after([&] { fs::resize_file(path, 4096); });
  read_after([&] { fs::resize_file(path, 0); });
  read_after([&] {  // as `cp` does: the same file, other bytes
    std::ofstream(path, std::ios::binary | std::ios::in | std::ios::out)
        << std::ifstream(other, std::ios::binary).rdbuf();
  });
}

TEST_F(ExternalFile, ReplacedByARenameIsReadToItsEnd) {
  const auto path = folder_ / "a.safetensors";
  write_safetensors(path, {{"a", at::zeros({10})}});
  const SafetensorsFile file(path);
  write_safetensors(path, {{"a", at::ones({10})}});
  EXPECT_EQ(read_tensor(file, "a").sum().item<double>(), 0.0);
}

TEST_F(ExternalFile, ReadAsWeightsHasNoValueThatIsNotFinite) {
  const auto path = folder_ / "a.safetensors";
  const float inf = std::numeric_limits<float>::infinity();
  write_safetensors(path, {{"nan", at::tensor({1.0f, std::nanf("")})},
                           {"inf", at::tensor({-inf, 1.0f}).to(at::kBFloat16)},
                           {"large", at::tensor({1.0f, 1e6f})},
                           {"empty", at::zeros({0})}});
  const SafetensorsFile file(path);
  const auto out = at::empty({2});
  for (const std::string name : {"nan", "inf"}) {
    EXPECT_THAT(message_of<ConfigError>([&] { read_finite(file, name, 0, out); }),
                HasSubstr(path.string() + ": " + name + " holds NaN or infinity"));
  }
  read_finite(file, "large", 0, out);
  EXPECT_EQ(out[1].item<float>(), 1e6f);
  read_finite(file, "empty", 0, at::empty({0}));
  read_finite(file, "nan", 0, at::empty({1}));
  EXPECT_THAT(message_of<ConfigError>([&] { read_finite(file, "large", 0, at::empty({2}, at::kHalf)); }),
              HasSubstr("large has a value that is not finite in Half; give another dtype"));
}

}  // namespace
}  // namespace fgm
