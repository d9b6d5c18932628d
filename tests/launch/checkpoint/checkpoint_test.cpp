#include "launch/checkpoint/checkpoint.h"

#include <gmock/gmock.h>

#include <functional>

#include "tests/launch/checkpoint/checkpoint_fixture.h"
#include "tests/support/errors.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using ::testing::EndsWith;
using ::testing::HasSubstr;

constexpr const char* kStudentShard = "student-00001-of-00002.safetensors";
constexpr const char* kOptimizerShard = "student_optim-00001-of-00002.safetensors";

class OpenedCheckpoint : public CheckpointTest {
 protected:
  // A link to itself: no call of the system says what it holds, or that it is not there.
  static void put_out_of_reach(const fs::path& file) {
    fs::remove(file);
    fs::create_symlink(file, file);
  }
  static void require_unreadable(const std::function<void()>& open, const std::string& file) {
    try {
      open();
      ADD_FAILURE() << "nothing was thrown";
    } catch (const DamageError& error) {
      ADD_FAILURE() << "taken for damage: " << error.what();
    } catch (const IoError& error) {
      EXPECT_THAT(error.what(), HasSubstr(file + " cannot be read: "));
    }
  }
};

TEST_F(OpenedCheckpoint, HasAllFilesInTheirSizesAndItsHeadDoesNotLookForThem) {
  const auto folder = save(200, 2);
  ASSERT_EQ(Checkpoint::open(folder).manifest().step, 200);
  cut_in_half(folder / kOptimizerShard);
  EXPECT_THAT(message_of<DamageError>([&] { Checkpoint::open(folder); }),
              HasSubstr((folder / kOptimizerShard).string() + " has "));
  fs::remove(folder / kOptimizerShard);
  EXPECT_THAT(message_of<DamageError>([&] { Checkpoint::open(folder); }),
              EndsWith((folder / kOptimizerShard).string() + " is missing"));
  EXPECT_EQ(Checkpoint::open_head(folder).roles(),
            (std::vector<std::string>{"student", "student_ema", "student_optim"}));
}

TEST_F(OpenedCheckpoint, OfARoleNeedsThatRolesFilesOnly) {
  const auto folder = save(200, 2);
  fs::remove(folder / kOptimizerShard);
  const auto checkpoint = Checkpoint::open_head(folder);
  checkpoint.verify_role("student");
  EXPECT_THROW(checkpoint.require_role("student_optim"), DamageError);
  flip_last_byte(folder / kStudentShard);
  checkpoint.require_role("student");
  EXPECT_THAT(message_of<DamageError>([&] { checkpoint.verify_role("student"); }),
              HasSubstr(std::string(kStudentShard) + " is damaged: its xxh128 is "));
}

TEST_F(OpenedCheckpoint, IsVerifiedInPartsThatTogetherReadEveryFile) {
  const auto folder = save(200, 2);
  const auto checkpoint = Checkpoint::open(folder);
  for (const auto& [name, file] : checkpoint.manifest().files) {
    flip_last_byte(folder / name);
    int num_found = 0;
    for (int part = 0; part < 4; ++part) {
      try {
        checkpoint.verify(part, 4);
      } catch (const DamageError& error) {
        EXPECT_THAT(error.what(), HasSubstr(name));
        ++num_found;
      }
    }
    EXPECT_EQ(num_found, 1) << name;
    flip_last_byte(folder / name);
  }
  checkpoint.verify();
}

TEST_F(OpenedCheckpoint, MayHaveFilesThatItsManifestDoesNotList) {
  const auto folder = save(200, 1);
  std::ofstream(folder / "NOTES") << "kept for the paper";
  fs::create_symlink("nowhere", folder / "link");
  fs::create_directory(folder / "export");
  EXPECT_EQ(Checkpoint::open(folder).manifest().step, 200);
}

TEST_F(OpenedCheckpoint, AFileOutOfReachIsNoDamageUnlessAnotherOneIsDamaged) {
  for (const std::string file : {kManifestFile, kCommitFile, kStudentShard}) {
    const auto folder = save(200, 2);
    put_out_of_reach(folder / file);
    require_unreadable([&] { Checkpoint::open(folder); }, file);
    if (file != kManifestFile) {  // which says what other files there are
      fs::remove(folder / "student-00000-of-00002.safetensors");
      EXPECT_THROW(Checkpoint::open(folder), DamageError) << file;
    }
    fs::remove_all(folder);
  }
}

TEST_F(OpenedCheckpoint, AFolderInPlaceOfAFileIsDamage) {
  for (const std::string file : {kManifestFile, kCommitFile, kStudentShard}) {
    const auto folder = save(200, 2);
    fs::remove(folder / file);
    fs::create_directory(folder / file);
    EXPECT_THAT(message_of<DamageError>([&] { Checkpoint::open(folder); }),
                EndsWith(file + " is a folder, not a file"));
    fs::remove_all(folder);
  }
}

TEST_F(OpenedCheckpoint, ReadsAnyElementsOfATensorAcrossItsSlices) {
  const auto whole = some_roles().at("student_ema").front().tensor.reshape(-1);
  const auto source = Checkpoint::open(save(200, 5)).source("student_ema");
  for (int64_t begin = 0; begin <= whole.numel(); ++begin) {
    for (int64_t end = begin; end <= whole.numel(); ++end) {
      const auto out = at::empty({end - begin});
      source->read("b.weight", begin, out);
      ASSERT_TRUE(at::equal(out, whole.slice(0, begin, end))) << begin << " to " << end;
    }
  }
}

TEST_F(OpenedCheckpoint, AFileThatLacksItsSliceIsNamedWhenItIsRead) {
  const auto folder = save(200, 2);
  const auto source = Checkpoint::open(folder).source("student");
  fs::copy_file(folder / kOptimizerShard, folder / kStudentShard, fs::copy_options::overwrite_existing);
  const auto out = at::empty({24});
  source->read("b.weight", 0, out.narrow(0, 0, 12));
  EXPECT_THAT(message_of<IoError>([&] { source->read("b.weight", 0, out); }),
              EndsWith(std::string(kStudentShard) +
                       " does not hold the 12 elements of b.weight (F32) that manifest.json lists"));
}

}  // namespace
}  // namespace fgm
