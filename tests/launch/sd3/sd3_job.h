#pragma once

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/io/safetensors.h"
#include "tests/support/in_process.h"
#include "tests/support/rank_job.h"
#include "tests/support/read_tensor.h"
#include "tests/support/temporary_folder.h"

namespace fgm {

// Commands on the tiny pipeline that diffusers saved (tests/golden/make_pipeline_golden.py), in a folder of the test's.
class Sd3Job : public testing::Test {
 protected:
  static constexpr const char* kPipeline = FGM_SOURCE_DIR "/tests/golden/sd3_pipeline";

  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  // Runs in the test's folder; one thread, or bits would depend on the machine's cores.
  Outcome run(const std::string& arguments, int ranks = 1) {
    if (ranks == 1) return in_process(folder_.path(), arguments);
    return shell(on_ranks(ranks, folder_.path(), arguments));
  }
  void must_run(const std::string& arguments, int ranks = 1) {
    const auto outcome = run(arguments, ranks);
    ASSERT_EQ(outcome.code, kExitDone) << arguments << "\n" << outcome.text;
  }

  // One distillation step of the pipeline on two ranks into the folder `student`, so slow that no weight changes.
  void distill_without_a_change(const std::string& more = "") {
    must_run("data shapes --shapes.count 20 --shapes.held_out_count 20 --out captions.h5");
    must_run(
        fmt::format("distill --run student --teacher.weights {} --data.store captions.h5 --steps 1 --run.threads 1 "
                    "--method.batch 4 --student.lr 1e-30 --student.ema 0.5,0.75 --method.init_time 0.75 "
                    "--method.teacher_guidance 4.5 {}",
                    kPipeline, more),
        2);
  }

  TemporaryFolder folder_;
};

struct StoredTensor {
  std::vector<int64_t> shape;
  at::ScalarType dtype;
  std::string bytes;
  bool operator==(const StoredTensor&) const = default;
};

// Every tensor of a safetensors file, or of all such files of a folder, byte for byte.
inline std::map<std::string, StoredTensor> stored_tensors(const std::filesystem::path& path) {
  std::vector<std::filesystem::path> files{path};
  if (std::filesystem::is_directory(path)) {
    files.clear();
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      if (entry.path().extension() == ".safetensors") files.push_back(entry.path());
    }
  }
  std::map<std::string, StoredTensor> tensors;
  for (const auto& name : files) {
    const SafetensorsFile file(name);
    for (const auto& info : file.tensors()) {
      const auto view = read_tensor(file, info.name);
      tensors[info.name] = {info.shape, info.dtype,
                            std::string(static_cast<const char*>(view.const_data_ptr()), view.nbytes())};
    }
  }
  return tensors;
}

}  // namespace fgm
