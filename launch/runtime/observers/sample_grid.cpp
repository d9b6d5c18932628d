#include "launch/runtime/observers/sample_grid.h"

#include <utility>

#include "core/io/png.h"

namespace fgm {

SampleGrid::SampleGrid(Options options, SampleImages sample_images, TensorboardEvents* events)
    : options_(std::move(options)), sample_images_(std::move(sample_images)), events_(events) {}

void SampleGrid::on_step(int64_t step, int64_t, double, const StepReport&) {
  if (options_.every == 0 || step % options_.every != 0) return;
  const at::Tensor images = sample_images_();
  if (events_ == nullptr) return;
  const auto path = options_.file(step);
  write_png(path, image_grid(images, options_.columns));
  events_->image(step, "samples", path);
}

}  // namespace fgm
