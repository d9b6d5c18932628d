#pragma once

#include <gtest/gtest.h>

#include <fstream>

#include "launch/checkpoint/checkpoints_folder.h"
#include "parallel/comm/self_communicator.h"
#include "tests/launch/coordinator/fake_job.h"
#include "tests/support/temporary_folder.h"

namespace fgm::support {

// A run's folder with checkpoints of student and estimator, and the ways in which their files are damaged.
class SavedRunTest : public testing::Test {
 protected:
  SavedRunTest() { config_.method.init_time = 0.714; }

  void save(const std::vector<int64_t>& steps) {
    FakeJob job(*self_, run_.path(), config_, {});
    for (const int64_t step : steps) job.save(step);
  }
  std::filesystem::path step_folder(int64_t step) const { return run_ / "checkpoints" / step_folder_name(step); }
  std::filesystem::path file_of(int64_t step, const std::string& role) const {
    return step_folder(step) / shard_file_name(role, 0, 1);
  }

  // The file's size is then another.
  static void append_to(const std::filesystem::path& file) { std::ofstream(file, std::ios::app) << "x"; }
  // The file's size stays, and its digest does not.
  static void change_last_byte(const std::filesystem::path& path) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(-1, std::ios::end);
    const auto last = static_cast<char>(file.get() ^ 1);
    file.seekp(-1, std::ios::end).put(last);
  }

  const TemporaryFolder run_;
  const std::unique_ptr<Communicator> self_ = make_self_communicator(at::kCPU);
  Config config_ = smallest_config();
};

}  // namespace fgm::support
