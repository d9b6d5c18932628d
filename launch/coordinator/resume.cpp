#include "launch/coordinator/resume.h"

#include <spdlog/spdlog.h>

#include <functional>

#include "core/base/error.h"
#include "launch/checkpoint/checkpoint.h"
#include "launch/checkpoint/checkpoints_folder.h"
#include "launch/coordinator/restore_network.h"
#include "parallel/comm/control_collectives.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> newest_first(const fs::path& checkpoints) {
  std::vector<fs::path> folders;
  for (const int64_t step : saved_steps(checkpoints))
    folders.insert(folders.begin(), checkpoints / step_folder_name(step));
  return folders;
}

void require_no_steps(const fs::path& checkpoints) {
  const auto steps = saved_steps(checkpoints);
  require<ConfigError>(steps.empty(),
                       "{} already holds checkpoints, up to step {}; choose another --run, or delete them, or go on "
                       "from them with --resume auto",
                       checkpoints.string(), steps.empty() ? 0 : steps.back());
}

// Whether a checkpoint is one of the run's own.
bool is_own(const fs::path& checkpoints, const fs::path& folder) {
  std::error_code missing;
  return fs::equivalent(folder.parent_path(), checkpoints, missing);
}

// Runs `read` on a checkpoint. What it finds damaged is a DamageError; all else that goes wrong is an Error with
// kExitCrash, for what cannot be read now may be whole, and to skip it would be to lose it.
Checkpoint read_checkpoint(const fs::path& folder, const std::function<Checkpoint()>& read) {
  try {
    return read();
  } catch (const DamageError&) {
    throw;
  } catch (const std::exception& error) {
    throw Error(
        fmt::format("{} could not be read now, and no checkpoint was changed: {}", folder.string(), error.what()));
  }
}

// For a run.resume that found no complete checkpoint: ConfigError with the first damage, if there was any.
void require_none_damaged(const std::vector<std::string>& damages, const std::string& resume,
                          const fs::path& checkpoints) {
  if (damages.empty()) return;
  require<ConfigError>(resume == "auto", "--resume {}: no complete checkpoint there: {}", resume, damages[0]);
  throw ConfigError(fmt::format("none of the {} checkpoints is complete; the newest: {}; move {} away to start over",
                                damages.size(), damages[0], checkpoints.string()));
}

// ConfigError when the run holds later steps than a PATH in it, but for those found damaged (names): the next start
// would take one of them for the newest.
void require_no_later_steps(const fs::path& checkpoints, const Checkpoint& checkpoint,
                            const std::set<fs::path>& damaged) {
  for (const int64_t step : saved_steps(checkpoints)) {
    const fs::path folder = checkpoints / step_folder_name(step);
    if (damaged.contains(folder.filename())) continue;
    require<ConfigError>(step <= checkpoint.manifest().step,
                         "{} is later than {}, and the next restart would take it for this run's own; move it away, or "
                         "choose another --run, or go on from it with --resume auto",
                         folder.string(), checkpoint.folder().string());
  }
}

// In what the run differs from the checkpoint's, where it may. ConfigError naming all keys that keep it from being its
// continuation.
RunDifferences require_continuation(const Checkpoint& checkpoint, const Manifest& now) {
  auto differences = compare_runs(checkpoint.manifest(), now);
  require<ConfigError>(
      differences.errors.empty(),
      "{} cannot be continued by this run: {}; set these as in the checkpoint, or choose another --run",
      checkpoint.folder().string(), fmt::join(differences.errors, "; "));
  return differences;
}

// The search for the first complete candidate, by all ranks together.
class Search {
 public:
  Search(Communicator& control, const fs::path& checkpoints) : control_(control), checkpoints_(checkpoints) {}

  // The first of rank 0's `folders` that is complete and whose files have their digests; nothing where there are no
  // folders.
  std::optional<Checkpoint> first_complete(const std::vector<fs::path>& folders, const std::string& resume) {
    std::vector<std::string> damages;
    for (size_t i = 0;; ++i) {
      const std::string folder = broadcast_string(control_, i < folders.size() ? folders[i].string() : "");
      if (folder.empty()) break;
      auto checkpoint = open_together(folder, damages);
      if (checkpoint) return checkpoint;
    }
    require_none_damaged(damages, resume, checkpoints_);
    return std::nullopt;
  }

  const std::set<fs::path>& damaged() const { return damaged_; }  // names of the run's own

 private:
  // Each rank reads its part of the files; the damage that one finds, all learn. Adds the first to `damages`.
  std::optional<Checkpoint> open_together(const fs::path& folder, std::vector<std::string>& damages) {
    std::optional<Checkpoint> checkpoint;
    std::string damage;
    throw_on_all_ranks(control_, [&] {
      try {
        checkpoint = read_checkpoint(folder, [&] {
          auto opened = Checkpoint::open_head(folder);
          opened.verify(control_.rank(), control_.size());
          return opened;
        });
      } catch (const DamageError& error) {
        damage = error.what();
      }
    });
    std::set<std::string> found;
    for (const auto& text : all_gather_strings(control_, damage)) found.insert(text);
    found.erase("");
    if (found.empty()) return checkpoint;
    damages.push_back(*found.begin());
    for (const auto& text : found) {
      if (control_.rank() == 0) spdlog::warn("skipping a checkpoint: {}", text);
    }
    if (is_own(checkpoints_, folder)) damaged_.insert(folder.filename());
    return std::nullopt;
  }

  Communicator& control_;
  const fs::path& checkpoints_;
  std::set<fs::path> damaged_;
};

}  // namespace

std::optional<ResumePoint> check_resume(const fs::path& checkpoints, const std::string& resume, const Manifest& now,
                                        int64_t num_steps) {
  warn_of_strays(checkpoints);
  std::vector<std::string> damages;
  std::set<fs::path> damaged;
  for (const auto& folder : resume_candidates(checkpoints, resume)) {
    try {
      const Checkpoint checkpoint = read_checkpoint(folder, [&] { return Checkpoint::open(folder); });
      const int64_t step = checkpoint.manifest().step;
      if (resume != "auto") require_no_later_steps(checkpoints, checkpoint, damaged);
      RunDifferences differences = require_continuation(checkpoint, now);
      require_steps_left(step, is_own(checkpoints, folder), num_steps);
      return ResumePoint{folder, step, std::move(differences)};
    } catch (const DamageError& error) {
      damages.emplace_back(error.what());
      damaged.insert(folder.filename());
    } catch (const Error&) {
      if (fs::exists(folder)) throw;
      return check_resume(checkpoints, resume, now, num_steps);  // a job at work has removed it, and has newer ones
    }
  }
  require_none_damaged(damages, resume, checkpoints);
  return std::nullopt;
}

std::vector<fs::path> resume_candidates(const fs::path& checkpoints, const std::string& resume) {
  if (resume == "never") {
    require_no_steps(checkpoints);
    return {};
  }
  auto own = newest_first(checkpoints);
  if (resume == "auto") return own;
  const fs::path path = fs::weakly_canonical(resume);
  const auto run = checkpoints_in(path);
  if (is_own(checkpoints, run ? *run / "any" : path)) own.clear();
  auto given = run ? newest_first(*run) : std::vector<fs::path>{path};
  if (!fs::is_directory(path)) given.clear();
  given.insert(given.begin(), own.begin(), own.end());
  require<ConfigError>(!given.empty(), "--resume {}: no checkpoint there", resume);
  return given;
}

std::optional<ResumedRun> resume_run(Communicator& control, RunOwner& owner, const fs::path& checkpoints,
                                     const std::string& resume, const Manifest& now,
                                     const std::vector<SavedNetwork>& networks) {
  std::vector<fs::path> folders;
  on_first_rank(control, [&] {
    // "never" is refused before it takes the run from a job that may be at work.
    if (resume == "never") resume_candidates(checkpoints, resume);
    owner.take();
    clear_leftovers(checkpoints);
    folders = resume_candidates(checkpoints, resume);
  });
  Search search(control, checkpoints);
  const auto checkpoint = search.first_complete(folders, resume);
  if (!checkpoint) return std::nullopt;
  const Manifest& manifest = checkpoint->manifest();
  on_first_rank(control, [&] {
    if (resume != "auto") require_no_later_steps(checkpoints, *checkpoint, search.damaged());
    log_differences(require_continuation(*checkpoint, now), manifest.step);
  });
  throw_on_all_ranks(control, [&] {
    for (const auto& network : networks) restore_network(network, *checkpoint);
  });
  if (control.rank() == 0) spdlog::info("going on from step {}: {}", manifest.step, checkpoint->folder().string());
  return ResumedRun{.step = manifest.step,
                    .is_own = is_own(checkpoints, checkpoint->folder()),
                    .restart = manifest.restart + 1,
                    .damaged = search.damaged()};
}

void require_steps_left(int64_t done, bool is_own, int64_t num_steps) {
  require<ConfigError>(
      done < num_steps || (done == num_steps && is_own),
      "the checkpoint to go on from is at step {} already and {} steps are asked for; give more steps, "
      "or another --run",
      done, num_steps);
}

void log_differences(const RunDifferences& differences, int64_t step) {
  for (const auto& line : differences.warnings) spdlog::warn("changed since step {}: {}", step, line);
  for (const auto& line : differences.notes) spdlog::info("{}", line);
}

}  // namespace fgm
