#include "launch/sampling/image_job.h"

namespace fgm {

at::Tensor ImageJob::sample_batch(int64_t batch) const {
  std::vector<std::string> captions;
  std::vector<at::Tensor> noise;
  for (const int64_t image : batches_.rows(batch)) {
    captions.push_back(images_.caption(image));
    noise.push_back(images_.noise(image, sampler_.options().sample_shape));
  }
  return sampler_.to_images(sampler_.sample(captions, at::cat(noise)).narrow(0, 0, batches_.size(batch)));
}

at::Tensor ImageJob::sample_all() const {
  std::vector<at::Tensor> sampled;
  for (int64_t i = 0; i < batches_.count(); ++i) sampled.push_back(sample_batch(i));
  return at::cat(sampled);
}

at::Tensor sample_with_average(ParameterEngine& engine, const ImageJob& job) {
  at::Tensor images;
  engine.with_ema([&] { images = job.sample_all(); });
  return images;
}

}  // namespace fgm
