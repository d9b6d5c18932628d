#include "launch/runtime/observers/sample_grid.h"

#include <utility>

#include "core/io/png.h"

namespace fgm {

SampleGrid::SampleGrid(Options options, Draw draw, TensorboardEvents& events)
    : options_(std::move(options)), draw_(std::move(draw)), events_(events) {}

void SampleGrid::on_step(int64_t step, int64_t, double, const StepReport&) {
  if (options_.every == 0 || step % options_.every != 0) return;
  const auto path = options_.file(step);
  write_png(path, image_grid(draw_(), options_.columns, options_.scale));
  events_.image(step, "samples", path);
}

}  // namespace fgm
