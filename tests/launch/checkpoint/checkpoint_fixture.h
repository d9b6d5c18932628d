#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/config/config.h"
#include "core/config/fields.h"
#include "core/io/file.h"
#include "core/io/safetensors.h"
#include "launch/checkpoint/checkpoints_folder.h"
#include "launch/checkpoint/manifest.h"
#include "tests/support/temporary_folder.h"

namespace fgm {

using Json = nlohmann::ordered_json;
using Roles = std::map<std::string, std::vector<NamedTensor>>;

inline Roles some_roles() {
  const auto weight = at::arange(24, at::kFloat).view({4, 6});
  return {{"student", {{"b.weight", weight}, {"a.bias", at::full({3}, 0.5)}}},
          {"student_ema", {{"b.weight", weight * 2}, {"a.bias", at::full({3}, 1.5)}}},
          {"student_optim", {{"b.weight.exp_avg", at::zeros({4, 6})}, {"b.weight.exp_avg_sq", at::ones({4, 6})}}}};
}

inline Manifest some_manifest(int64_t step, int num_shards) {
  Manifest m;
  m.version = "0.1.0";
  m.step = step;
  m.command = "distill";
  m.nonce = "0123456789abcdef";
  m.world = num_shards;
  m.mesh = {1, num_shards};
  m.seed = 7;
  m.config = to_ini(Config());
  m.data = {"store.h5", 100, 2, 250};
  m.teacher = Manifest::Teacher{"teacher.safetensors", std::string(32, 'a')};
  m.updates = {{"student", step}};
  return m;
}

// Writes a checkpoint as `num_shards` ranks would: every tensor cut into that many slices.
inline std::filesystem::path write_checkpoint(const std::filesystem::path& folder, const Roles& roles,
                                              Manifest manifest) {
  std::filesystem::create_directories(folder);
  const int num_shards = manifest.mesh.shard;
  for (const auto& [role, tensors] : roles) {
    for (int shard = 0; shard < num_shards; ++shard) {
      const auto file = shard_file_name(role, shard, num_shards);
      std::vector<NamedTensor> slices;
      for (const auto& [name, tensor] : tensors) {
        const int64_t begin = tensor.numel() * shard / num_shards, end = tensor.numel() * (shard + 1) / num_shards;
        slices.push_back({name, num_shards == 1 ? tensor : tensor.view(-1).slice(0, begin, end)});
        auto& entry = manifest.tensors[manifest_key(role, name)];
        entry.role = role;
        entry.name = name;
        entry.dtype = tensor.scalar_type();
        entry.shape = tensor.sizes().vec();
        entry.slices.push_back({file, begin, end});
      }
      manifest.files[file] = write_safetensors(folder / file, slices);
    }
  }
  write_file(folder / kManifestFile, to_json(manifest));
  write_file(folder / kCommitFile, commit_text(to_json(manifest), manifest.nonce));
  return folder;
}

inline void flip_last_byte(const std::filesystem::path& path) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(-1, std::ios::end);
  const char byte = static_cast<char>(file.get() ^ 1);
  file.seekp(-1, std::ios::end);
  file.put(byte);
}

inline void cut_in_half(const std::filesystem::path& path) {
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
}

// The row whose `key` is `value`; null when there is none.
inline Json row_of(const Json& rows, const std::string& key, const std::string& value) {
  for (const auto& row : rows) {
    if (row[key] == value) return row;
  }
  return nullptr;
}

// A folder of its own for each test.
class CheckpointTest : public ::testing::Test {
 protected:
  std::filesystem::path step_folder(int64_t step) const { return folder_ / "checkpoints" / step_folder_name(step); }
  std::filesystem::path save(int64_t step, int num_shards) const {
    return write_checkpoint(step_folder(step), some_roles(), some_manifest(step, num_shards));
  }

  const TemporaryFolder temporary_;
  const std::filesystem::path folder_ = temporary_.path();
};

}  // namespace fgm
