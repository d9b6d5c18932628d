#include "data/store/latent_writer.h"

#include <gmock/gmock.h>

#include "core/base/error.h"
#include "data/hdf5/h5_file.h"
#include "data/store/store.h"
#include "data/store/verify_store.h"
#include "tests/data/store/embedding_fixture.h"
#include "tests/data/store/latent_fixture.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(LatentWriter, ALatentIsMeanPlusDeviationTimesNoiseShiftedAndScaled) {
  const TemporaryFolder folder;
  for (const auto dtype : {at::kFloat, at::kHalf, at::kBFloat16}) {
    const auto info = small_latents(dtype);
    write_latents(folder / "a.h5", info);
    const Store store(folder / "a.h5");
    ASSERT_TRUE(store.has_latents());
    EXPECT_EQ(store.latent_info().buckets, info.buckets);
    EXPECT_EQ(store.latent_info().latent_shape(1), (std::vector<int64_t>{2, 4, 1}));
    const std::vector<int64_t> records = {4, 3};
    const auto eps = at::sin(at::arange(2 * 8, at::kFloat)).view({2, 2, 4, 1});
    const auto moments = at::stack({latent_row(info, 4), latent_row(info, 3)}).to(dtype).to(at::kFloat).chunk(2, 1);
    const auto expected = (moments[0] + at::exp(0.5 * moments[1]) * eps - 0.25) * 2.0;
    EXPECT_TRUE(at::allclose(store.latents(records, eps), expected, 1e-6, 1e-6)) << at::toString(dtype);
  }
}

TEST(LatentWriter, ASampleNeedsNoNoise) {
  const TemporaryFolder folder;
  auto info = small_latents();
  info.has_logvar = false;
  write_latents(folder / "a.h5", info);
  const std::vector<int64_t> records = {1};
  EXPECT_TRUE(at::equal(Store(folder / "a.h5").latents(records, {})[0], (latent_row(info, 1) - 0.25) * 2.0));
}

TEST(LatentWriter, WhatWasKilledGoesOnWithWhatIsNotDoneOrDamaged) {
  const TemporaryFolder folder;
  const auto out = folder / "a.h5", partial = LatentWriter::partial_of(out);
  const auto info = small_latents();
  LatentWriter::prepare(out, info, kLatentPrompts);
  write_latent_records(LatentWriter(out), info, {1, 3, 4});
  EXPECT_EQ(read_latent_info(partial).num_done, 3);
  EXPECT_THAT(message_of<IoError>([&] { Store{partial}; }), HasSubstr("3 of 5 records"));
  EXPECT_THAT(message_of<IoError>([&] { LatentWriter::finish(out); }), HasSubstr("3 of 5 records"));

  const auto tall = H5File::open_read_only(partial).extent("latents/8x2", H5Element::kFloat32);
  change_byte(partial, tall.offset + tall.bytes - 1);
  LatentWriter::prepare(out, info, kLatentPrompts);
  const LatentWriter writer(out);
  EXPECT_THAT(writer.remaining(0, 5), ElementsAre(0, 2, 4));
  EXPECT_THAT(writer.remaining(1, 3), ElementsAre(2));
  write_latent_records(writer, info, {0, 2, 4});
  LatentWriter::finish(out);
  write_latents(folder / "whole.h5", info);
  EXPECT_EQ(Store(out).digest(), Store(folder / "whole.h5").digest());
}

TEST(LatentWriter, AFileThatWasBegunForOthersIsRefused) {
  const TemporaryFolder folder;
  const auto out = folder / "a.h5";
  LatentWriter::prepare(out, small_latents(), kLatentPrompts);
  const auto refusal = [&](const LatentInfo& info, const std::vector<std::string>& prompts) {
    return message_of<ConfigError>([&] { LatentWriter::prepare(out, info, prompts); });
  };
  EXPECT_THAT(refusal(small_latents(at::kHalf), kLatentPrompts), HasSubstr("(dtype)"));
  auto other_sizes = small_latents();
  other_sizes.buckets = {{4, 6, 2}, {8, 2, 3}};
  EXPECT_THAT(refusal(other_sizes, kLatentPrompts), HasSubstr("(sizes)"));
  auto other_vae = small_latents();
  other_vae.provenance["vae"]["shift_factor"] = 1.0;
  EXPECT_THAT(refusal(other_vae, kLatentPrompts), HasSubstr("(/vae/shift_factor is 0.25, now 1.0)"));
  EXPECT_THAT(refusal(small_latents(), {"a", "b", "c", "d", "e"}), HasSubstr("(prompts)"));
}

TEST(LatentWriter, AChangedByteIsNamedWithItsRecord) {
  const TemporaryFolder folder;
  const auto path = folder / "a.h5";
  write_latents(path, small_latents());
  const auto digest = Store(path).digest();
  const auto wide = H5File::open_read_only(path).extent("latents/4x6", H5Element::kFloat32);
  change_byte(path, wide.offset + 2 * wide.bytes / 3);
  EXPECT_THAT(verify_store(path, 2).problems, ElementsAre("record 2: its latent fails its check-sum"));
  const Store store(path);
  EXPECT_EQ(store.digest(), digest) << "it is over the digests that were written";
  const std::vector<int64_t> damaged = {2}, whole = {1};
  const auto eps = at::zeros({1, 2, 2, 3});
  EXPECT_NO_THROW(store.latents(whole, eps));
  EXPECT_THAT(message_of<DamageError>([&] { store.latents(damaged, eps); }), HasSubstr("record 2 fails"));
}

TEST(LatentWriter, RefusesWhatIsNotFiniteInTheStoresType) {
  const TemporaryFolder folder;
  const auto info = small_latents(at::kHalf);
  LatentWriter::prepare(folder / "a.h5", info, kLatentPrompts);
  const std::vector<int64_t> records = {0};
  const std::vector<at::Tensor> rows = {latent_row(info, 0) * 1e6};
  EXPECT_THAT(message_of<DoNotRequeueError>([&] { LatentWriter(folder / "a.h5").write(records, rows); }),
              HasSubstr("not finite"));
}

}  // namespace
}  // namespace fgm
