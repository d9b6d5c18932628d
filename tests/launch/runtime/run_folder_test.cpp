#include "launch/runtime/run_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/base/error.h"
#include "core/config/fields.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

class RunFolderTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(base_);
    fs::create_directories(base_);
    config_.run.dir = base_ / "deep" / "run";
  }
  void TearDown() override { fs::remove_all(base_); }

  std::string error_of(const Config& config) const {
    try {
      check_run_folder(config);
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), kExitConfig);
      return error.what();
    }
    return "no error";
  }

  fs::path done_file() const { return fs::path(config_.run.dir) / "DONE"; }

  const fs::path base_ = fs::path(testing::TempDir()) / fmt::format("run_folder_test_{}", getpid());
  Config config_;
};

TEST_F(RunFolderTest, NewRunHoldsItsConfigAndFolders) {
  config_.train.steps = 17;
  const RunFolder folder(config_.run.dir);
  folder.create();
  folder.begin(config_);
  Config read;
  apply_ini(
      read,
      [&] {
        std::ifstream file(folder.config_file());
        return std::string(std::istreambuf_iterator<char>(file), {});
      }(),
      "config.cfg");
  EXPECT_EQ(read.train.steps, 17);
  EXPECT_TRUE(fs::is_directory(folder.events()));
  EXPECT_TRUE(fs::is_directory(folder.checkpoints()));
  EXPECT_EQ(folder.sample_file(200), fs::path(config_.run.dir) / "samples" / "step-00000200.png");
  EXPECT_TRUE(fs::is_directory(folder.sample_file(200).parent_path()));
  EXPECT_FALSE(fs::exists(done_file()));
}

TEST_F(RunFolderTest, ALinkToWhatIsNotThereIsNamedWithWhereItLeads) {
  const fs::path run = config_.run.dir;
  fs::create_directories(run);
  for (const fs::path& link : {run / "checkpoints", base_ / "linked_run"}) {
    fs::create_symlink(base_ / "unmounted", link);
    if (link.parent_path() == base_) config_.run.dir = link;
    EXPECT_THAT(error_of(config_),
                testing::HasSubstr(link.string() + " is a link to " + (base_ / "unmounted").string()));
  }
}

TEST_F(RunFolderTest, CheckMakesNothing) {
  check_run_folder(config_);
  EXPECT_TRUE(fs::is_empty(base_));
}

TEST_F(RunFolderTest, MakingTheFolderKeepsWhatARunLeftAndBeginningTakesItsEndAway) {
  const RunFolder folder(config_.run.dir);
  folder.create();
  folder.begin(config_);
  folder.mark_done();
  folder.create();
  EXPECT_TRUE(fs::exists(done_file()));
  folder.begin(config_);
  EXPECT_FALSE(fs::exists(done_file()));
}

TEST_F(RunFolderTest, PathThatCannotBeAFolderIsAnErrorNamingIt) {
  const fs::path file = base_ / "file";
  std::ofstream(file) << "x";
  config_.run.dir = file;
  EXPECT_EQ(error_of(config_), fmt::format("run.dir: cannot write {0}: {0} is no folder", file.string()));
  config_.run.dir = file / "below";
  EXPECT_THAT(error_of(config_), testing::HasSubstr("/file"));
  config_.run.dir = "/proc/run";
  EXPECT_THROW(RunFolder(config_.run.dir).create(), IoError);
  config_.run.dir = "";
  EXPECT_EQ(error_of(config_), "run.dir is not set; give the run's folder with --run DIR");
}

}  // namespace
}  // namespace fgm
