#pragma once

#include <gtest/gtest.h>

#include "launch/sampling/image_job.h"
#include "launch/text/text_encoder.h"
#include "tests/support/tiny_velocity_model.h"

namespace fgm::support {

// A tiny network of images of 3 x 4 x 6 pixels, a teacher that takes two steps or a student.
class SamplingTest : public testing::Test {
 protected:
  ImageSampler sampler(bool is_student = false) {
    SampleOptions options{.steps = 2, .guidance = is_student ? 1.0 : 2.0, .sample_shape = kShape};
    if (is_student) options.student = GeneratorConfig();
    return {model_, *encoder_, options};
  }

  inline static const std::vector<int64_t> kShape = {3, 4, 6};
  static constexpr TextConfig kText{.num_tokens = 4, .context_width = 5, .pooled_width = 6};
  TinyVelocityModel model_{kShape, kText.pooled_width, at::kFloat, 1};
  const std::unique_ptr<const TextEncoder> encoder_ = make_text_encoder(kText);
};

}  // namespace fgm::support
