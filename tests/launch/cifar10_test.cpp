// The CIFAR-10 benchmark, scaled down: made images, a teacher as torchcfm saves it, the config as it ships.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/serialization/pickle.h>

#include <cmath>
#include <fstream>

#include "core/base/error.h"
#include "core/base/rng.h"
#include "core/formats/unet_names.h"
#include "core/io/composed_source.h"
#include "core/io/safetensors.h"
#include "core/models/model_factory.h"
#include "data/store/store.h"
#include "tests/support/in_process.h"
#include "tests/support/read_tensor.h"
#include "tests/support/run_files.h"
#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

using testing::HasSubstr;

class Cifar10Job : public testing::Test {
 protected:
  void SetUp() override {
    std::string records;
    const auto pixels = (RandomStream(1, "cifar10").uniform(0, 0, 20, {3072}) * 255.0).to(at::kByte);
    for (int64_t i = 0; i < 20; ++i) {
      records += static_cast<char>(i % 10);
      records.append(static_cast<const char*>(pixels[i].data_ptr()), 3072);
    }
    for (const char* name : {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
                             "data_batch_5.bin", "test_batch.bin"}) {
      std::ofstream(folder_ / name, std::ios::binary) << records;
    }
    must_run("data cifar10 . --out images.h5");
  }

  void must_run(const std::string& arguments) const {
    const auto done = in_process(folder_.path(), arguments);
    ASSERT_EQ(done.code, kExitDone) << arguments << "\n" << done.text;
  }

  // A network of torchcfm's at a quarter of the width, the least that its 32 groups allow, as its training saves it.
  void save_teacher(int64_t num_classes) const {
    const UNetConfig config{
        .channels = 32, .channel_mult = {1, 1, 1}, .num_res_blocks = 1, .num_heads = 1, .num_classes = num_classes};
    std::vector<NamedTensor> ours;
    const auto model = make_model(config, at::kFloat);
    model->initialise(3);
    visit_parameters(*model, [&](const std::string& name, at::Tensor& p) {
      ours.push_back({name, p + RandomStream(2, name).normal(0, 0, p.size(0), p.sizes().slice(1)) * 0.02});
    });
    write_safetensors(folder_ / "ours", ours);
    const auto theirs = compose(std::make_shared<const SafetensorsFile>(folder_ / "ours"),
                                inverse(unet_tensors_in(config), external_unet_shapes(config)));
    c10::Dict<std::string, at::Tensor> average;
    for (const auto& info : theirs->tensors()) average.insert("module." + info.name, read_tensor(*theirs, info.name));
    c10::Dict<std::string, c10::Dict<std::string, at::Tensor>> checkpoint;
    checkpoint.insert("ema_model", average);
    const auto bytes = torch::jit::pickle_save(checkpoint);
    std::ofstream(folder_ / "teacher.pt", std::ios::binary).write(bytes.data(), std::ssize(bytes));
  }

  static std::string distil(const std::string& more) {
    return "distill --config " FGM_SOURCE_DIR
           "/configs/cifar10_fgm.cfg --run run --data.store images.h5 "
           "--teacher.weights teacher.pt --run.threads 1 --steps 2 --method.batch 4 --run.sample_every 0 " +
           more;
  }

  TemporaryFolder folder_;
};

TEST_F(Cifar10Job, TheConfigDistilsATeacherOfTorchcfmsAndItsStudentDraws) {
  save_teacher(0);
  must_run(distil(""));
  const auto steps = metrics(folder_ / "run");
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_GT(steps.back().at("l1").get<double>(), 0.0);
  EXPECT_TRUE(std::isfinite(steps.back().at("loss.student").get<double>()));
  must_run(distil("--steps 3"));
  EXPECT_EQ(metrics(folder_ / "run").size(), 3u) << "it resumes";
  must_run("sample --sample.weights run --steps 1 --sample.prompts images.h5 --sample.batch 50 --sample.out s.h5");
  EXPECT_EQ(Store(folder_ / "s.h5").image_shape(), (std::vector<int64_t>{32, 32, 3}));

  must_run("export run --out student.safetensors");  // in torchcfm's names, and a student still
  must_run(
      "sample --sample.weights student.safetensors --steps 1 --sample.prompts images.h5 --sample.batch 50 "
      "--sample.out again.h5");
  EXPECT_EQ(Store(folder_ / "again.h5").digest(), Store(folder_ / "s.h5").digest());
  std::filesystem::rename(folder_ / "student.safetensors", folder_ / "teacher.pt");
  EXPECT_THAT(in_process(folder_.path(), distil("--dry-run")).text, HasSubstr("its role is student"));
}

TEST_F(Cifar10Job, ATeacherOfClassesNeedsTheirNames) {
  save_teacher(10);
  const auto refused = in_process(folder_.path(), distil("--dry-run"));
  EXPECT_EQ(refused.code, kExitConfig) << refused.text;
  EXPECT_THAT(refused.text, testing::AllOf(HasSubstr("it knows 10 classes"), HasSubstr("text.labels")));
  // Ten numbers of a caption's words are no class.
  EXPECT_EQ(in_process(folder_.path(), distil("--dry-run --text.pooled_width 10")).code, kExitConfig);
}

TEST_F(Cifar10Job, ANetworkOfEdmsFormTrainsOnClasses) {
  std::ofstream(folder_ / "edm.cfg")
      << "[text]\nlabels = airplane, automobile, bird, cat, deer, dog, frog, horse, ship, "
         "truck\nnum_tokens = 1\ncontext_width = 1\npooled_width = 10\n[model]\nkind = "
         "unet\nflavour = edm\nchannels = 16\nchannel_mult = 1,1\nnum_res_blocks = 1\n"
         "num_heads = 1\nnum_classes = 10\n";
  must_run(
      "train --config edm.cfg --run t --data.store images.h5 --steps 2 --train.batch 4 --run.threads 1 "
      "--run.sample_every 0");
  const auto text = in_process(folder_.path(),
                               "sample --sample.weights t --steps 2 --sample.guidance 1.5 --sample.prompts images.h5 "
                               "--sample.batch 50 --sample.out s.h5");
  EXPECT_EQ(text.code, kExitDone) << text.text;
  std::ofstream(folder_ / "words.txt") << "a red cube\n";
  const auto refused =
      in_process(folder_.path(), "sample --sample.weights t --steps 1 --sample.prompts words.txt --sample.out w.h5");
  EXPECT_EQ(refused.code, kExitConfig);
  EXPECT_THAT(refused.text, HasSubstr("'a red cube' is no class of text.labels"));
}

}  // namespace
}  // namespace fgm
