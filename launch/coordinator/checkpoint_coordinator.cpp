#include "launch/coordinator/checkpoint_coordinator.h"

#include <spdlog/spdlog.h>

#include <random>
#include <set>
#include <utility>

#include "core/base/error.h"
#include "core/base/version.h"
#include "core/config/fields.h"
#include "core/io/atomic_file.h"
#include "launch/checkpoint/checkpoints_folder.h"
#include "launch/coordinator/resume_point.h"
#include "parallel/comm/control_collectives.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

// Not from the run's random streams: two attempts at the same step must differ.
std::string draw_nonce() {
  std::random_device device;
  return fmt::format("{:08x}{:08x}", device(), device());
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw_write_error(folder, "mkdir", error);
}

}  // namespace

CheckpointCoordinator::CheckpointCoordinator(Communicator& control, CheckpointOptions options,
                                             std::vector<SavedNetwork> networks, SavedRun run)
    : control_(control),
      options_(std::move(options)),
      networks_(std::move(networks)),
      run_(std::move(run)),
      owner_(options_.checkpoints / kOwnerFile) {
  const auto [replicate, shard] = options_.coordinate;
  const MeshAxes mesh = options_.mesh;
  check(mesh.replicate * mesh.shard == control.size() && replicate * mesh.shard + shard == control.rank(),
        "rank {} of {} is not at ({}, {}) of a mesh of {} x {}", control.rank(), control.size(), replicate, shard,
        mesh.replicate, mesh.shard);
}

Manifest manifest_head(const SavedRun& run) {
  Manifest m;
  m.version = version();
  m.phase = run.phase;
  m.seed = run.weights.config.run.seed;
  m.threads = run.threads;
  m.config = to_ini(run.weights.config);
  m.data = {run.store, run.store_size, 0, 0};
  m.teacher = run.teacher;
  return m;
}

Manifest CheckpointCoordinator::describe(int64_t step) const {
  Manifest m = manifest_head(run_);
  m.step = step;
  m.restart = restart_;
  m.world = control_.size();
  m.mesh = options_.mesh;
  m.data.position = step * run_.samples_per_step;
  m.data.epoch = run_.store_size == 0 ? 0 : m.data.position / run_.store_size;
  for (const auto& network : networks_) m.updates[network.role] = network.engine->num_updates();
  return m;
}

void CheckpointCoordinator::save(int64_t step) {
  Manifest manifest = describe(step);
  manifest.nonce = broadcast_string(control_, is_first() ? draw_nonce() : "");
  const fs::path temporary = options_.checkpoints / fmt::format(".tmp-{}-{}", step, manifest.nonce);
  try {
    write(temporary, std::move(manifest));
    vote([&] {
      if (is_first()) put_in_place(temporary, step);
    });
  } catch (...) {
    std::error_code ignored;
    if (is_first() && fs::exists(temporary, ignored)) remove_folder(temporary);
    throw;
  }
}

// Damaged folders keep their names until now: the reason may have passed by a restart before this.
void CheckpointCoordinator::put_in_place(const fs::path& temporary, int64_t step) {
  owner_.require_held();
  for (const auto& name : std::exchange(rejected_, {})) {
    if (fs::exists(options_.checkpoints / name)) set_aside(options_.checkpoints / name);
  }
  publish(temporary, options_.checkpoints, step);
  spdlog::info("saved step {} to {}", step, (options_.checkpoints / step_folder_name(step)).string());
  owner_.require_held();
  remove_old_steps(options_.checkpoints, options_.keep);
}

// A start that takes the run over clears away what this one is writing: all must learn of that, and not of the file
// that one of them misses.
void CheckpointCoordinator::vote(const std::function<void()>& body) const {
  throw_on_all_ranks(control_, [&] {
    try {
      body();
    } catch (const std::exception&) {
      if (is_first()) owner_.require_held();
      throw;
    }
    if (is_first()) owner_.require_held();
  });
}

// After each vote() every rank has done its part; a rank that fails inside one fails all.
void CheckpointCoordinator::write(const fs::path& temporary, Manifest manifest) {
  vote([&] {
    if (!is_first()) return;
    if (!owner_.has_taken()) owner_.take(draw_nonce());
    make_folder(temporary);
  });
  std::string written;
  vote([&] {
    WeightsInfo info = run_.weights;
    info.step = manifest.step;
    written = write_shards(temporary, networks_, options_.coordinate, options_.mesh, info);
  });
  for (const auto& shards : all_gather_strings(control_, written)) add_shards(shards, manifest);
  vote([&] {
    if (!is_first()) return;
    const std::string text = to_json(manifest);
    parse_manifest(text, temporary / kManifestFile);  // what could not be read again is not published
    write_file(temporary / kManifestFile, text);
    write_file(temporary / kCommitFile, commit_text(text, manifest.nonce));
  });
}

std::optional<RestoredState> CheckpointCoordinator::restore(const std::string& resume) {
  std::vector<fs::path> folders;
  rejected_.clear();
  on_first_rank(control_, [&] {
    // "never" is refused before it takes the run from a job that may be at work.
    if (resume == "never") resume_candidates(options_.checkpoints, resume);
    owner_.take(draw_nonce());
    clear_leftovers(options_.checkpoints);
    folders = resume_candidates(options_.checkpoints, resume);
  });
  const auto checkpoint = first_complete(folders, resume);
  if (!checkpoint) return std::nullopt;
  const Manifest& manifest = checkpoint->manifest();
  on_first_rank(control_, [&] {
    if (resume != "auto") require_no_later_steps(options_.checkpoints, *checkpoint, rejected_);
    log_differences(require_continuation(*checkpoint, describe(manifest.step)), manifest.step);
  });
  throw_on_all_ranks(control_, [&] {
    for (const auto& network : networks_) restore_network(network, checkpoint->folder(), manifest);
  });
  restart_ = manifest.restart + 1;
  if (is_first()) spdlog::info("going on from step {}: {}", manifest.step, checkpoint->folder().string());
  return RestoredState{manifest.step, is_own(options_.checkpoints, checkpoint->folder()), manifest};
}

std::optional<Checkpoint> CheckpointCoordinator::first_complete(const std::vector<fs::path>& folders,
                                                                const std::string& resume) {
  std::vector<std::string> damages;
  for (size_t i = 0;; ++i) {
    const std::string folder = broadcast_string(control_, i < folders.size() ? folders[i].string() : "");
    if (folder.empty()) break;
    std::string damage;
    if (auto checkpoint = open_together(folder, damage)) return checkpoint;
    damages.push_back(damage);
  }
  require_none_damaged(damages, resume, options_.checkpoints);
  return std::nullopt;
}

// Each rank reads its part of the files; the damage that one finds, all learn.
std::optional<Checkpoint> CheckpointCoordinator::open_together(const fs::path& folder, std::string& first_damage) {
  std::optional<Checkpoint> checkpoint;
  std::string damage;
  throw_on_all_ranks(control_, [&] {
    try {
      read_checkpoint(folder, [&] {
        checkpoint = Checkpoint::open(folder);
        checkpoint->verify(control_.rank(), control_.size());
      });
    } catch (const DamageError& error) {
      damage = error.what();
    }
  });
  std::set<std::string> damages;
  for (const auto& text : all_gather_strings(control_, damage)) damages.insert(text);
  damages.erase("");
  if (damages.empty()) return checkpoint;
  first_damage = *damages.begin();
  for (const auto& text : damages) {
    if (is_first()) spdlog::warn("passing over a checkpoint: {}", text);
  }
  if (is_own(options_.checkpoints, folder)) rejected_.insert(folder.filename());
  return std::nullopt;
}

}  // namespace fgm
