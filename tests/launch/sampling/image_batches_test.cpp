#include "launch/sampling/image_batches.h"

#include <gmock/gmock.h>

namespace fgm {
namespace {

using testing::ElementsAre;

TEST(ImageBatches, HoldEveryImageOnceInOrder) {
  for (const int64_t num_images : {1, 5, 6, 7}) {
    for (const int64_t batch_size : {1, 3, 8}) {
      const ImageBatches batches{num_images, batch_size};
      int64_t next = 0;
      for (int64_t i = 0; i < batches.count(); ++i) {
        EXPECT_EQ(batches.first(i), next);
        ASSERT_GT(batches.size(i), 0);
        ASSERT_LE(batches.size(i), batch_size);
        next += batches.size(i);
      }
      EXPECT_EQ(next, num_images) << batch_size;
    }
  }
}

TEST(ImageBatches, AllHaveTheSameNumberOfRowsAndTheLastImageFillsUpAShortOne) {
  const ImageBatches batches{5, 3};
  ASSERT_EQ(batches.count(), 2);
  EXPECT_THAT(batches.rows(0), ElementsAre(0, 1, 2));
  EXPECT_EQ(batches.size(1), 2);
  EXPECT_THAT(batches.rows(1), ElementsAre(3, 4, 4));
}

}  // namespace
}  // namespace fgm
