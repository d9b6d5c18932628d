#include "launch/sampling/image_job.h"

namespace fgm {

at::Tensor ImageJob::samples_of_batch(int64_t batch) const {
  std::vector<std::string> captions;
  std::vector<at::Tensor> noise;
  const auto rows = batches_.rows(batch);
  for (const int64_t image : rows) captions.push_back(images_.caption(image));
  for (int64_t step = 0; step < sampler_.num_noises(); ++step) {
    std::vector<at::Tensor> of_rows;
    for (const int64_t image : rows) of_rows.push_back(images_.noise(image, sampler_.options().sample_shape, step));
    noise.push_back(at::cat(of_rows));
  }
  return sampler_.sample(captions, noise).narrow(0, 0, batches_.size(batch));
}

at::Tensor ImageJob::sample_batch(int64_t batch) const {
  return sampler_.to_images(samples_of_batch(batch));
}

at::Tensor ImageJob::sample_all() const {
  std::vector<at::Tensor> sampled;
  for (int64_t i = 0; i < batches_.count(); ++i) sampled.push_back(sample_batch(i));
  return at::cat(sampled);
}

at::Tensor sample_with_average(ParameterEngine& engine, const ImageJob& job, size_t index) {
  at::Tensor images;
  engine.with_ema([&] { images = job.sample_all(); }, index);
  return images;
}

}  // namespace fgm
