// `fgm forward` against diffusers' values, on one rank and on two.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "tests/launch/sd3/golden_files.h"
#include "tests/support/rank_job.h"
#include "tests/support/read_tensor.h"
#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

using testing::HasSubstr;

class Forward : public testing::Test {
 protected:
  Outcome run(int ranks, const std::string& arguments) {
    return shell(on_ranks(ranks, folder_.path(), "forward --run.threads 1 " + arguments));
  }
  at::Tensor velocity(const std::string& name) {
    return read_tensor(SafetensorsFile(folder_ / name), "velocity").clone();
  }

  TemporaryFolder folder_;
};

TEST_F(Forward, IsDiffusersVelocityAndTheSameBitsOnTwoRanks) {
  for (const std::string name : {"sd3", "sd35", "sd35_dual"}) {
    golden::write_weights(name, folder_ / "weights.safetensors");
    golden::write_inputs(name, folder_ / "in.safetensors");
    const auto arguments = "--weights weights.safetensors --inputs in.safetensors --out ";
    const auto alone =
        fgm(fmt::format("forward --run.threads 1 --weights {0}/weights.safetensors --inputs "
                        "{0}/in.safetensors --out {0}/one.safetensors",
                        folder_.path().string()));
    ASSERT_EQ(alone.code, kExitDone) << alone.text;
    golden::expect_close(velocity("one.safetensors"), read_tensor(golden::open("mmdit"), name + "/velocity"), 1e-5,
                         name);

    const auto both = run(2, arguments + std::string("two.safetensors"));
    ASSERT_EQ(both.code, kExitDone) << both.text;
    EXPECT_TRUE(at::equal(velocity("one.safetensors"), velocity("two.safetensors"))) << name;
  }
}

TEST_F(Forward, SaysInOneLineWhatIsWrongWithTheInputs) {
  golden::write_weights("sd35", folder_ / "weights.safetensors");
  const auto expect_refused = [&](std::vector<NamedTensor> inputs, const std::string& part) {
    write_safetensors(folder_ / "in.safetensors", inputs);
    const auto refused = run(2, "--weights weights.safetensors --inputs in.safetensors --out out.safetensors");
    EXPECT_EQ(refused.code, kExitConfig) << refused.text;
    EXPECT_THAT(refused.text, HasSubstr(part));
    EXPECT_FALSE(std::filesystem::exists(folder_ / "out.safetensors"));
  };
  const NamedTensor x_t{"x_t", at::zeros({1, 16, 8, 8})}, t{"t", at::zeros({1})}, pooled{"pooled", at::zeros({1, 24})},
      context{"context", at::zeros({1, 5, 40})};
  expect_refused({x_t, t, context}, "has no tensor 'pooled'");
  expect_refused({x_t, {"t", at::full({1}, 857.7)}, context, pooled}, "t has values outside [0, 1]");
  expect_refused({{"x_t", at::zeros({1, 4, 8, 8})}, t, context, pooled}, "x_t has shape [1, 4, 8, 8]");
  EXPECT_THAT(run(1, "--weights weights.safetensors").text, HasSubstr("needs --inputs"));
}

}  // namespace
}  // namespace fgm
