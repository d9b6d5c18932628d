#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>

#include "core/config/sections.h"
#include "data/import/prompt_list.h"
#include "launch/sampling/image_list.h"

namespace fgm {

// A folder of sampled images, one PNG each, written by any number of ranks. A run that was interrupted resumes in it.
//   flat     PPPPP-NNNN.png: prompt of the list, image of the prompt, both from 0
//   geneval  PPPPP/samples/NNNN.png beside PPPPP/metadata.jsonl, as GenEval's evaluation reads it
//            (https://github.com/djghosh13/geneval)
// and manifest.jsonl, an object for each image: file, prompt, number (see ImageList), and what `common` holds.
class ImageFolder {
 public:
  // `prompts` and the images of their captions, which must outlive it.
  ImageFolder(std::filesystem::path folder, Layout layout, std::span<const Prompt> prompts, const ImageList& images)
      : folder_(std::move(folder)), layout_(layout), prompts_(prompts), images_(images) {}

  // ConfigError when the folder holds something else than images of this very manifest, whole or interrupted.
  void check(const nlohmann::ordered_json& common) const;
  // After check(): writes the manifest, then metadata.jsonl of all prompts. One rank does it, before any image is
  // written. IoError.
  void begin(const nlohmann::ordered_json& common) const;
  // Whether images [first, first + count) are there.
  bool holds(int64_t first, int64_t count) const;
  // Writes images `first`, first + 1, ... uint8 [B, H, W, 3]. IoError.
  void write(int64_t first, const at::Tensor& images) const;

 private:
  std::string file_of(int64_t image) const;  // below the folder
  std::string manifest(const nlohmann::ordered_json& common) const;

  std::filesystem::path folder_;
  Layout layout_;
  std::span<const Prompt> prompts_;
  const ImageList& images_;
};

}  // namespace fgm
