#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "tests/lint/layer_rules.h"

namespace fgm::lint {
namespace {

bool breaks_a_rule(const std::string& path, const std::string& line) {
  return !find_violations(path, line).empty();
}

std::string read(const std::filesystem::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

TEST(Layers, NoSourceKnowsWhatItMayNot) {
  // FGM_LINT_ROOT points the test at another tree.
  const char* other = std::getenv("FGM_LINT_ROOT");
  const std::filesystem::path root = other != nullptr ? other : FGM_SOURCE_DIR;
  const auto sources = list_sources(root);
  ASSERT_GT(sources.size(), 10u) << "found almost nothing to read in " << root;
  for (const auto& source : sources) {
    for (const auto& violation : find_violations(source, read(root / source))) {
      ADD_FAILURE() << violation.place << ": " << violation.rule;
    }
  }
}

TEST(Layers, AViolationNamesFileAndLine) {
  const auto violations = find_violations("core/base/log.h", "#pragma once\n\n#include \"core/nn/block.h\"\n");
  ASSERT_EQ(violations.size(), 1u);
  EXPECT_EQ(violations[0].place, "core/base/log.h:3");
  EXPECT_NE(violations[0].rule.find("core/base may not know core/nn"), std::string::npos) << violations[0].rule;
}

TEST(Layers, RoomsKnowOnlyTheRoomsBelow) {
  EXPECT_FALSE(breaks_a_rule("core/methods/distill_step.h", "#include \"core/train/step.h\""));
  EXPECT_TRUE(breaks_a_rule("core/train/trainer.h", "#include \"core/methods/distill_step.h\""));
  EXPECT_TRUE(breaks_a_rule("core/methods/distill_step.h", "#include \"core/models/mmdit.h\""));
  EXPECT_TRUE(breaks_a_rule("parallel/fsdp/flat_unit.h", "#include \"core/models/mmdit.h\""));
  EXPECT_TRUE(breaks_a_rule("data/pipeline/collate.h", "#include \"parallel/comm/communicator.h\""));
  EXPECT_TRUE(breaks_a_rule("parallel/mesh/device_mesh.h", "#include \"data/store/store.h\""));
  EXPECT_TRUE(breaks_a_rule("data/import/images.cpp", "#include \"launch/runtime/world.h\""));
  EXPECT_TRUE(breaks_a_rule("launch/runtime/world.h", "#include \"launch/cli/command.h\""));
  EXPECT_FALSE(breaks_a_rule("launch/cli/train.cpp", "#include \"core/models/mmdit.h\""));
  EXPECT_FALSE(breaks_a_rule("launch/coordinator/resume.cpp", "#include \"launch/checkpoint/manifest.h\""));
  EXPECT_TRUE(breaks_a_rule("launch/checkpoint/manifest.cpp", "#include \"launch/coordinator/resume.h\""));
  EXPECT_TRUE(breaks_a_rule("launch/inspect/report.cpp", "#include \"launch/coordinator/resume.h\""));
  EXPECT_TRUE(breaks_a_rule("launch/job/training_run.cpp", "#include \"launch/cli/command.h\""));
}

TEST(Layers, ThirdPartiesStayInTheirRooms) {
  EXPECT_FALSE(breaks_a_rule("parallel/comm/mpi_communicator.cpp", "#include <mpi.h>"));
  EXPECT_TRUE(breaks_a_rule("parallel/comm/mpi_communicator.h", "#include <mpi.h>"));
  EXPECT_FALSE(breaks_a_rule("parallel/comm/internal/nccl_comm.h", "#include <nccl.h>"));
  EXPECT_TRUE(breaks_a_rule("core/nn/attention.cpp", "#include <cuda_runtime.h>"));
  EXPECT_TRUE(breaks_a_rule("core/nn/attention.cpp", "#include <ATen/cuda/CUDAContext.h>"));
  EXPECT_TRUE(breaks_a_rule("data/store/store.cpp", "#  include <hdf5.h>"));
  EXPECT_TRUE(breaks_a_rule("core/config/ini.cpp", "#include <boost/program_options.hpp>"));
  EXPECT_FALSE(breaks_a_rule("core/base/text.cpp", "#include <unicode/uchar.h>"));
  EXPECT_TRUE(breaks_a_rule("core/base/text.h", "#include <unicode/uchar.h>"));
  EXPECT_TRUE(breaks_a_rule("core/base/log.h", "#include <torch/torch.h>"));
  EXPECT_TRUE(breaks_a_rule("core/base/log.h", "#include <unknown/library.h>"));
  EXPECT_FALSE(breaks_a_rule("core/base/log.h", "#include <vector>"));
}

TEST(Layers, ANewRoomOrARelativeIncludeIsAskedFor) {
  EXPECT_TRUE(breaks_a_rule("core/attic/thing.h", ""));
  EXPECT_TRUE(breaks_a_rule("core/base/log.cpp", "#include \"log.h\""));
  EXPECT_TRUE(breaks_a_rule("core/base/log.cpp", "#include \"../base/log.h\""));
}

TEST(Layers, OnlyTheEnvironmentFileReadsTheEnvironment) {
  EXPECT_TRUE(breaks_a_rule("core/base/log.cpp", "  const char* level = std::getenv(\"FGM_LOG\");"));
  EXPECT_FALSE(breaks_a_rule("launch/runtime/environment.cpp", "  return std::getenv(name);"));
  EXPECT_FALSE(breaks_a_rule("core/base/log.cpp", "// Never calls getenv(): see environment.cpp."));
}

}  // namespace
}  // namespace fgm::lint
