#include "launch/coordinator/checkpoint_coordinator.h"

#include <spdlog/spdlog.h>

#include <random>
#include <set>
#include <utility>

#include "core/base/error.h"
#include "core/base/version.h"
#include "core/config/fields.h"
#include "core/io/atomic_file.h"
#include "launch/coordinator/checkpoints_folder.h"
#include "launch/coordinator/resume_rules.h"
#include "parallel/comm/consensus.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

// Not from the run's random streams: two attempts at the same step must differ.
std::string draw_nonce() {
  std::random_device device;
  return fmt::format("{:08x}{:08x}", device(), device());
}

std::vector<fs::path> newest_first(const fs::path& checkpoints) {
  std::vector<fs::path> folders;
  for (const int64_t step : saved_steps(checkpoints))
    folders.insert(folders.begin(), checkpoints / step_folder_name(step));
  return folders;
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

Manifest CheckpointCoordinator::describe(int64_t step) const {
  const Config& config = run_.weights.config;
  Manifest m;
  m.version = version();
  m.step = step;
  m.phase = run_.phase;
  m.restart = restart_;
  m.world = control_.size();
  m.mesh = options_.mesh;
  m.seed = config.run.seed;
  m.threads = run_.threads;
  m.config = to_ini(config);
  const int64_t position = step * run_.samples_per_step;
  m.data = {run_.store, run_.store_size, run_.store_size == 0 ? 0 : position / run_.store_size, position};
  m.teacher = run_.teacher;
  for (const auto& network : networks_) m.updates[network.role] = network.engine->num_updates();
  return m;
}

void CheckpointCoordinator::save(int64_t step) {
  Manifest manifest = describe(step);
  manifest.nonce = broadcast_text(control_, is_first() ? draw_nonce() : "");
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
  all_or_none(control_, [&] {
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
  for (const auto& shards : gather_texts(control_, written)) add_shards(shards, manifest);
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
    if (resume == "never") require_no_steps();  // before it takes the run from a job that may be at work
    owner_.take(draw_nonce());
    clear_leftovers(options_.checkpoints);
    folders = candidates(resume);
  });
  const auto checkpoint = first_complete(folders, resume);
  if (!checkpoint) return std::nullopt;
  const Manifest& manifest = checkpoint->manifest();
  if (resume != "auto") require_no_later_steps(*checkpoint);
  require_continuation(*checkpoint);
  all_or_none(control_, [&] {
    for (const auto& network : networks_) restore_network(network, checkpoint->folder(), manifest);
  });
  restart_ = manifest.restart + 1;
  if (is_first()) spdlog::info("going on from step {}: {}", manifest.step, checkpoint->folder().string());
  return RestoredState{manifest.step, is_own(checkpoint->folder().parent_path()), manifest};
}

void CheckpointCoordinator::require_no_steps() const {
  const auto steps = saved_steps(options_.checkpoints);
  require<ConfigError>(steps.empty(),
                       "{} already holds checkpoints, up to step {}; choose another --run, or delete them, or go on "
                       "from them with --resume auto",
                       options_.checkpoints.string(), steps.empty() ? 0 : steps.back());
}

// In the order in which they are tried. A requeued job has the arguments of its first start: what it has made since
// goes before the PATH that it began with.
std::vector<fs::path> CheckpointCoordinator::candidates(const std::string& resume) const {
  if (resume == "never") return {};
  auto own = newest_first(options_.checkpoints);
  if (resume == "auto") return own;
  const fs::path path = fs::weakly_canonical(resume);
  const bool is_run = fs::is_directory(path / "checkpoints");
  if (is_own(is_run ? path / "checkpoints" : path.parent_path())) own.clear();
  if (!own.empty()) spdlog::info("this run has checkpoints of its own; they go before --resume {}", resume);
  auto given = is_run ? newest_first(path / "checkpoints") : std::vector<fs::path>{path};
  if (!fs::is_directory(path)) given.clear();
  given.insert(given.begin(), own.begin(), own.end());
  require<ConfigError>(!given.empty(), "--resume {}: no checkpoint there", resume);
  return given;
}

bool CheckpointCoordinator::is_own(const fs::path& checkpoints) const {
  std::error_code missing;
  return fs::equivalent(checkpoints, options_.checkpoints, missing);
}

std::optional<Checkpoint> CheckpointCoordinator::first_complete(const std::vector<fs::path>& folders,
                                                                const std::string& resume) {
  size_t num_rejected = 0;
  for (;; ++num_rejected) {
    const bool is_left = num_rejected < folders.size();
    const std::string folder = broadcast_text(control_, is_left ? folders[num_rejected].string() : "");
    if (folder.empty()) break;
    if (auto checkpoint = open_together(folder)) return checkpoint;
  }
  if (num_rejected == 0) return std::nullopt;
  require<ConfigError>(resume == "auto", "--resume {}: no complete checkpoint there (see the warnings)", resume);
  throw ConfigError(fmt::format("none of the {} checkpoints is complete (see the warnings); move {} away to begin anew",
                                num_rejected, options_.checkpoints.string()));
}

// Each rank reads its part of the files; the damage that one finds, all learn. What one cannot read now may be whole:
// to pass over it would be to lose it, so that ends the job.
std::optional<Checkpoint> CheckpointCoordinator::open_together(const fs::path& folder) {
  std::optional<Checkpoint> checkpoint;
  std::string damage;
  all_or_none(control_, [&] {
    try {
      checkpoint = Checkpoint::open(folder);
      checkpoint->verify(control_.rank(), control_.size());
    } catch (const DamageError& error) {
      damage = error.what();
    } catch (const std::exception& error) {
      throw Error(
          fmt::format("{} could not be read now, and no checkpoint was changed: {}", folder.string(), error.what()));
    }
  });
  std::set<std::string> damages;
  for (const auto& text : gather_texts(control_, damage)) damages.insert(text);
  damages.erase("");
  if (damages.empty()) return checkpoint;
  for (const auto& text : damages) {
    if (is_first()) spdlog::warn("passing over a checkpoint: {}", text);
  }
  if (is_own(folder.parent_path())) rejected_.insert(folder.filename());
  return std::nullopt;
}

void CheckpointCoordinator::require_no_later_steps(const Checkpoint& checkpoint) const {
  on_first_rank(control_, [&] {
    for (const int64_t step : saved_steps(options_.checkpoints)) {
      const fs::path folder = options_.checkpoints / step_folder_name(step);
      if (rejected_.contains(folder.filename())) continue;
      require<ConfigError>(
          step <= checkpoint.manifest().step,
          "{} is later than {}, and the next restart would take it for this run's own; move it away, or "
          "choose another --run, or go on from it with --resume auto",
          folder.string(), checkpoint.folder().string());
    }
  });
}

void CheckpointCoordinator::require_continuation(const Checkpoint& checkpoint) const {
  const auto differences = compare_runs(checkpoint.manifest(), describe(checkpoint.manifest().step));
  require<ConfigError>(differences.errors.empty(),
                       "{} cannot be continued by this run: {}; set these as they were there, or choose another --run",
                       checkpoint.folder().string(), fmt::join(differences.errors, "; "));
  if (!is_first()) return;
  for (const auto& line : differences.warnings)
    spdlog::warn("changed since step {}: {}", checkpoint.manifest().step, line);
  for (const auto& line : differences.notes) spdlog::info("{}", line);
}

}  // namespace fgm
