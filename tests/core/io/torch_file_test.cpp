#include "core/io/torch_file.h"

#include <caffe2/serialize/inline_container.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/io/file.h"
#include "core/io/file_kind.h"
#include "core/io/pickle.h"
#include "core/io/zip.h"
#include "tests/support/errors.h"
#include "tests/support/read_tensor.h"
#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

using std::string_literals::operator""s;
using testing::AllOf;
using testing::HasSubstr;

const std::string kGolden = FGM_SOURCE_DIR "/tests/golden/torch_save.pt";

std::string pickle_error(const std::string& bytes) {
  return message_of<IoError>([&] { pickle::parse(bytes, "x.pt"); });
}

TEST(TorchFile, GivesATrainingCheckpointsTensorsByTheKeysThatLeadToThem) {
  ASSERT_TRUE(is_torch_file(kGolden));
  const TorchFile file(kGolden);
  std::vector<std::string> names;
  for (const auto& info : file.tensors()) names.push_back(info.name);
  EXPECT_THAT(names, testing::IsSupersetOf({"ema_model.0.weight", "ema_model.0.bias", "ema_model.2.weight",
                                            "ema_model.2.bias", "optim.state.0.exp_avg", "parameter", "part"}));
  // One step of Adam moves a weight by its rate, 1e-3.
  EXPECT_TRUE(at::allclose(read_tensor(file, "ema_model.0.bias"), at::tensor({1.0f, 1.25f, 1.5f}), 0, 2e-3));
  EXPECT_EQ(find_tensor(file, "ema_model.2.weight").dtype, at::kHalf);
  EXPECT_TRUE(at::equal(read_tensor(file, "ema_model.2.weight"), at::arange(6, at::kFloat).view({2, 3}) / 4 + 2));
  EXPECT_TRUE(at::equal(read_tensor(file, "parameter"), at::tensor({1.5f})));
}

TEST(TorchFile, GivesATextOrAListOfTextsByTheFirstKeyThatIsThere) {
  const std::vector<std::string> keys = {"caption", "prompts"}, others = {"prompt_embeds", "version", "nowhere"};
  const std::string folder = FGM_SOURCE_DIR "/tests/golden/caches/";
  EXPECT_THAT(TorchFile(folder + "embeddings.pt").texts(keys), testing::ElementsAre("a cat", ""));
  EXPECT_THAT(TorchFile(folder + "latents.pt").texts(keys), testing::ElementsAre("a cat"));
  EXPECT_THAT(TorchFile(folder + "embeddings.pt").texts(others), testing::IsEmpty());
}

TEST(TorchFile, ReadsAViewOfALargerStorageAndAPieceOfIt) {
  const TorchFile file(kGolden);
  auto piece = at::empty({2}, at::kLong);
  file.read("part", 1, piece);
  EXPECT_TRUE(at::equal(piece, at::tensor({6, 7}, at::kLong)));
}

// A few hundred bytes mean 10^12 entries.
TEST(TorchFile, RefusesDictionariesThatHoldOneAnotherManyTimes) {
  std::string bytes = "\x80\x02}q\0"s;
  for (int depth = 0; depth < 12; ++depth) {
    bytes += "}q\x01("s;
    for (int i = 0; i < 10; ++i) bytes += "K\x05h\0"s;
    bytes += "uq\0"s;
  }
  bytes += '.';
  const TemporaryFolder folder;
  const auto path = (folder / "many.pt").string();
  caffe2::serialize::PyTorchStreamWriter writer(path);
  writer.writeRecord("data.pkl", bytes.data(), bytes.size());
  writer.writeEndOfFile();
  EXPECT_THAT(message_of<IoError>([&] { TorchFile{path}; }), AllOf(HasSubstr("many.pt"), HasSubstr("hold more than")));
}

TEST(TorchFile, IsNotEveryZipFile) {
  const TemporaryFolder folder;
  const auto bytes = read_file(kGolden);
  write_file(folder / "weights", bytes);
  EXPECT_TRUE(is_torch_file(folder / "weights")) << "its first entry tells";
  write_file(folder / "a.npz", bytes);
  EXPECT_FALSE(is_torch_file(folder / "a.npz"));
}

TEST(TorchFile, RefusesADamagedFileInItsName) {
  const TemporaryFolder folder;
  const auto path = folder / "cut.pt";
  const auto bytes = read_file(kGolden);
  std::ofstream(path, std::ios::binary) << bytes.substr(0, bytes.size() / 2);
  ASSERT_TRUE(is_torch_file(path));
  EXPECT_THAT(message_of<IoError>([&] { TorchFile{path}; }), AllOf(HasSubstr("cut.pt"), HasSubstr("damaged")));
}

TEST(TorchFile, NamesTheRecordThatADamagedByteIsIn) {
  const TemporaryFolder folder;
  const auto path = folder / "flipped.pt";
  auto bytes = read_file(kGolden);
  const auto data = bytes.find("PK\x07\x08", bytes.find("torch_save/data/11")) - 1;  // its last byte
  ASSERT_LT(data, bytes.size());
  bytes[data] ^= 1;
  write_file(path, bytes);
  const TorchFile file(path);
  EXPECT_TRUE(at::equal(read_tensor(file, "parameter"), at::tensor({1.5f}))) << "another record";
  EXPECT_THAT(message_of<IoError>([&] { read_tensor(file, "part"); }),
              AllOf(HasSubstr("flipped.pt"), HasSubstr("data/11 does not have its check-sum")));
}

TEST(TorchFile, ReadsWhatWasWrittenWithoutCheckSums) {
  const TemporaryFolder folder;
  const auto path = (folder / "none.pt").string();
  const auto pickle = "\x80\x02}."s;
  caffe2::serialize::PyTorchStreamWriter writer(path, /*compute_crc32=*/false);
  writer.writeRecord("data.pkl", pickle.data(), pickle.size());
  writer.writeEndOfFile();
  ASSERT_THAT(read_zip_crcs(path), testing::Contains(testing::Pair("none/data.pkl", 0)));
  EXPECT_THAT(TorchFile(path).tensors(), testing::IsEmpty());
}

// The CRCs are those that Python's zipfile lists.
TEST(ZipCrcs, AreThoseOfTheDirectoryAlsoWhereItsPlaceTakes64Bits) {
  auto bytes = read_file(kGolden);
  const auto crcs = read_zip_crcs(kGolden);
  EXPECT_EQ(crcs.size(), 18u);
  EXPECT_EQ(crcs.at("torch_save/data.pkl"), 808541730u);
  EXPECT_EQ(crcs.at("torch_save/data/11"), 4181366910u);

  // PyTorch writes the 64-bit end of the directory always; that of 32 bits points to it when its numbers are full.
  bytes.replace(bytes.rfind("PK\x05\x06") + 12, 8, 8, '\xff');
  const TemporaryFolder folder;
  write_file(folder / "large.pt", bytes);
  EXPECT_EQ(read_zip_crcs(folder / "large.pt"), crcs);
}

TEST(Pickle, RefusesEveryFunctionThatIsNotATensorsByItsName) {
  // os.system("true")
  EXPECT_THAT(pickle_error("\x80\x02"s + "cos\nsystem\nX\x04\0\0\0true\x85R."s),
              AllOf(HasSubstr("x.pt"), HasSubstr("os.system"), HasSubstr("is not run")));
  EXPECT_THAT(pickle_error("\x80\x02"s + "ctorch_utils.persistence\n_reconstruct_persistent_obj\n}\x85R."s),
              HasSubstr("torch_utils.persistence._reconstruct_persistent_obj"));
  EXPECT_THAT(pickle_error("\x80\x02"s + "ccollections\nOrderedDict\nK\x01\x85R."s),
              HasSubstr("collections.OrderedDict"));
}

TEST(Pickle, KnowsIntegersOfEveryLength) {
  const auto integer = [](const std::string& bytes) {
    return std::get<int64_t>(pickle::parse("\x80\x02"s + bytes + ".", "x").root->data);
  };
  EXPECT_EQ(integer("K\xff"s), 255);
  EXPECT_EQ(integer("M\x01\x02"s), 513);
  EXPECT_EQ(integer("J\xfe\xff\xff\xff"s), -2);
  EXPECT_EQ(integer("\x8a\x00"s), 0);
  EXPECT_EQ(integer("\x8a\x01\xff"s), -1);
  EXPECT_EQ(integer("\x8a\x05\x00\x00\x00\x00\x01"s), int64_t{1} << 32);
  EXPECT_EQ(integer("\x8a\x08\xff\xff\xff\xff\xff\xff\xff\xff"s), -1);
}

// Each byte of a true pickle changed in turn: an error, or another object, and never a crash.
TEST(Pickle, NoChangedByteCrashesIt) {
  const std::string whole =
      "\x80\x02}q\x01("                                   // {
      "X\x01\0\0\0kccollections\nOrderedDict\nq\x02)R"    //   k: {
      "X\x01\0\0\0pctorch._utils\n_rebuild_tensor_v2\n("  //     p: a tensor of 2 floats
      "(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0"
      "0X\x03\0\0\0"
      "cpuK\x06tQ"
      "K\x01K\x02\x85K\x01\x85\x89h\x02)RtR"
      "su."s;  //   } }
  ASSERT_EQ(pickle_error(whole.substr(0, whole.size() - 1)), "x.pt: its pickle is cut short");
  int num_parsed = 0;
  for (size_t i = 0; i < whole.size(); ++i) {
    for (int byte = 0; byte < 256; ++byte) {
      auto changed = whole;
      changed[i] = static_cast<char>(byte);
      try {
        pickle::parse(changed, "x.pt");
        ++num_parsed;
      } catch (const IoError&) {
      }
    }
  }
  EXPECT_GT(num_parsed, 256) << "the unchanged pickle is no such pickle";
}

}  // namespace
}  // namespace fgm
