#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "launch/checkpoint/checkpoint.h"
#include "launch/checkpoint/checkpoints_folder.h"
#include "parallel/comm/self_communicator.h"
#include "tests/launch/coordinator/fake_job.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace fgm::support {

// One run of one rank, which jobs save and resume one after the other.
class CoordinatorTest : public ::testing::Test {
 protected:
  FakeJob job(const FakeJob::Options& options = {}) { return {*self_, folder_.path(), config_, options}; }
  std::string error_of_restore(const std::string& resume, const FakeJob::Options& options = {}) {
    return message_of<Error>([&] { job(options).coordinator().restore(resume); });
  }
  std::filesystem::path step_folder(int64_t step) const { return checkpoints_ / step_folder_name(step); }
  void damage(int64_t step) const {
    std::ofstream(step_folder(step) / "student-00000-of-00001.safetensors", std::ios::app) << "x";
  }

  const TemporaryFolder folder_;
  const std::filesystem::path checkpoints_ = folder_ / "checkpoints";
  const std::unique_ptr<Communicator> self_ = make_self_communicator(at::kCPU);
  Config config_ = smallest_config();
};

}  // namespace fgm::support
