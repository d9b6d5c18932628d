#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace fgm {

// What "fgm inspect", "fgm data info" and "fgm data verify" say: the same as JSON (docs/inspect.md has the keys) and as
// text.
struct Report {
  nlohmann::ordered_json json;
  std::string text;
  bool is_well = true;  // false: something is damaged or missing, and the report says what
};

// Reports on an HDF5 store, its images' digest included, and on one safetensors file with its tensors' statistics.
// IoError naming the file and what is wrong with it when it is damaged.
Report report_store(const std::filesystem::path& path);
Report report_file(const std::filesystem::path& path);

// Reports on a store, finished or not, and reads no image, embedding or latent. IoError as above.
Report report_data(const std::filesystem::path& path);
// Reads all of the stores, on `num_threads` threads, and names every record that is damaged. Not well when one is, when
// some are not written yet, or when a store cannot be opened. `wants_repair` writes the whole records of such a store
// into repaired_store() of it; also what keeps that from being done is part of the report.
struct DataVerification {
  int64_t num_threads = 1;
  bool wants_repair = false;
};
Report report_data_verification(const std::vector<std::string>& paths, const DataVerification& options);
// The file beside a store, a.h5 or a.h5.partial, that its whole records are written into: a.repaired.h5.
std::filesystem::path repaired_store(std::filesystem::path store);

// Reports on a checkpoint's folder, finished or not: training state, files, tensors by their global shape, config.
// Reads every tensor for its statistics, but checks no digest.
Report report_step(const std::filesystem::path& path);

// Reports on a run's folder: its checkpoints, complete or not by their manifests and sizes, and the newest complete one
// in short. Reads no tensor. Not well when a step's folder is damaged; what a killed job left unfinished is no damage.
Report report_run(const std::filesystem::path& path);

// Verifies every file of a checkpoint, of all checkpoints of a run, or one safetensors file: presence, size, digest,
// and that the files hold all slices that the manifest lists.
Report report_verification(const std::filesystem::path& path);

// Compares two sides: each a safetensors file, a checkpoint, or a run (its newest complete checkpoint), written by any
// numbers of ranks. A file is compared with the same role of a checkpoint; where both sides hold one role only, the
// roles' names may differ. Not well when a side is damaged; a difference is no damage.
Report report_difference(const std::filesystem::path& a, const std::filesystem::path& b);

}  // namespace fgm
