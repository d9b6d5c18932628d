#pragma once

#include <ATen/ATen.h>

#include <filesystem>
#include <string>
#include <vector>

#include "data/store/embedding_writer.h"

// The files in which other programs keep what encoders made. docs/data_format.md has their layouts:
//   *_sd3_te.npz  prompts' embeddings, and
//   *_sd3.npz     latents, one image each, of kohya's sd-scripts (library/strategy_sd3.py, strategy_base.py), whose
//                 caption is the first line of the .txt or .caption file beside;
//   *.pt, *.pth   a dictionary that torch.save() wrote.
namespace fgm {

struct CachedEmbeddings {
  std::vector<std::string> prompts;  // at least one, in Unicode's normal form C
  EmbeddingShape shape;
  EmbeddingRows rows;  // a row a prompt
};

struct CachedLatents {
  std::vector<std::string> prompts;  // at least one
  std::vector<at::Tensor> latents;   // as many, [C, h, w]
};

// The files below a folder, sorted, or the one file. ConfigError when there are none.
std::vector<std::filesystem::path> find_cached_embeddings(const std::filesystem::path& from);
std::vector<std::filesystem::path> find_cached_latents(const std::filesystem::path& from);

// IoError naming the file and what it lacks; no input may crash it.
CachedEmbeddings read_cached_embeddings(const std::filesystem::path& path);
CachedLatents read_cached_latents(const std::filesystem::path& path);

}  // namespace fgm
