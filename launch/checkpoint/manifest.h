#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/io/file.h"
#include "parallel/mesh/device_mesh.h"

namespace fgm {

// Elements [begin, end) of a tensor's row-major flattening; in `file` they stand under the tensor's name.
struct ManifestSlice {
  std::string file;
  int64_t begin = 0;
  int64_t end = 0;
};

struct ManifestTensor {
  std::string role;  // "student", "student_ema", "student_optim", ...: what the names of its files begin with
  std::string name;  // the parameter's; in an optimizer's role with ".exp_avg" or ".exp_avg_sq" added
  at::ScalarType dtype = at::kFloat;
  std::vector<int64_t> shape;         // of the whole
  std::vector<ManifestSlice> slices;  // ascending; together they are the whole, once
};

// What a checkpoint folder's manifest.json holds (docs/checkpoint_format.md).
struct Manifest {
  struct Data {
    std::string store;                 // its path
    int64_t size = 0;                  // its records
    int64_t epoch = 0;                 // passes over them that are complete
    int64_t position = 0;              // samples drawn by all ranks since the run began
    std::string captions_xxh128 = {};  // of a list of captions that has no store; else empty
  };
  struct Teacher {
    std::string path;
    std::string xxh128;  // digest_of() its weights
  };

  static constexpr int64_t kFormat = 1;

  std::string version;           // of the fgm that wrote it
  int64_t step = 0;              // whole steps done
  std::string command;           // "train" or "distill"
  int64_t estimator_update = 0;  // within the step: always 0, a checkpoint lies between whole steps
  std::string nonce;             // 16 hexadecimal digits, drawn for each attempt at saving
  int64_t restart = 0;           // restarts of the run before it was written
  int64_t world = 1;             // ranks
  MeshShape mesh;
  int64_t seed = 0;
  int64_t threads = 1;  // CPU threads of each rank
  std::string config;   // resolved, as INI text
  Data data;
  std::optional<Teacher> teacher;                 // of a distillation
  std::map<std::string, int64_t> updates;         // optimizer updates of each network: {"student", 200}
  std::map<std::string, FileDigest> files;        // by name
  std::map<std::string, ManifestTensor> tensors;  // by manifest_key()
};

inline constexpr const char* kManifestFile = "manifest.json";
inline constexpr const char* kCommitFile = "COMMIT";

// "student_ema/x_embedder.proj.weight"
std::string manifest_key(const std::string& role, const std::string& name);

// The bytes of manifest.json. IoError when a text is not UTF-8.
std::string to_json(const Manifest& manifest);

// DamageError beginning with `path` and naming the key: not JSON, a key missing, given twice or of another type, a
// format newer than kFormat, a file name with a folder in it, a slice of an unlisted file, slices that are not the
// whole tensor exactly once. Keys that it does not know are ignored.
Manifest parse_manifest(std::string_view json, const std::filesystem::path& path);

// The bytes of COMMIT, which makes a folder count: all of them follow from manifest.json's bytes and the nonce in it.
std::string commit_text(std::string_view manifest_json, const std::string& nonce);

}  // namespace fgm
