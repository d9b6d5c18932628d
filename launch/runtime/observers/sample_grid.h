#pragma once

#include <ATen/ATen.h>

#include <filesystem>
#include <functional>

#include "core/train/step_observer.h"
#include "launch/runtime/observers/tensorboard_events.h"

namespace fgm {

// Every `every` steps samples a few images with the weights of the moment, always for the same captions and noise. All
// ranks sample, because a sharded network needs all of them; the one with `events` writes the images as one PNG grid,
// which TensorBoard shows too.
class SampleGrid final : public StepObserver {
 public:
  struct Options {
    int64_t every = 0;  // 0: never
    int64_t columns = 4;
    std::function<std::filesystem::path(int64_t step)> file;
  };
  using SampleImages = std::function<at::Tensor()>;  // uint8 [N, H, W, 3]

  // `events` must outlive the observer; nullptr on the ranks that write nothing.
  SampleGrid(Options options, SampleImages sample_images, TensorboardEvents* events);
  void on_step(int64_t step, int64_t num_steps, double seconds, const StepReport& report) override;

 private:
  Options options_;
  SampleImages sample_images_;
  TensorboardEvents* events_;
};

}  // namespace fgm
