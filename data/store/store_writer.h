#pragma once

#include <filesystem>
#include <memory>

#include "data/store/store.h"

namespace fgm {

// Writes a store image by image, through a temporary name: what it holds in memory does not grow with the images. Until
// commit(), and after any error, an older file of that name stays as it was. Use it on one thread. Errors are those of
// write_store().
class StoreWriter {
 public:
  // Lays the file out for the records of `header`, whose images_NHWC is not looked at. `row_shape`: {H, W, C} of
  // images, {C, H, W} of pairs' samples, empty for captions. The noise of a pair is CaptionNoise(header.noise_seed,
  // kPairs) of its prompt and the number of equal prompts before it. Missing folders are made.
  StoreWriter(std::filesystem::path path, const StoreContents& header, at::IntArrayRef row_shape);
  ~StoreWriter();
  StoreWriter(const StoreWriter&) = delete;
  StoreWriter& operator=(const StoreWriter&) = delete;

  // The next rows, on the CPU: images, uint8 [n, H, W, C], or pairs' samples, float16 [n, C, H, W].
  void append(const at::Tensor& rows);

  // Gives the file its name. All records need their image by now.
  void commit();
  // Where some of the records came to no image: `header` has those that did, in the order of append(). Copies the
  // images into a file laid out for them, one in memory at a time; meanwhile both files take their room on the disk.
  void commit_fewer(const StoreContents& header);

 private:
  struct Impl;
  std::filesystem::path path_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fgm
