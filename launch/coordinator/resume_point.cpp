#include "launch/coordinator/resume_point.h"

#include <spdlog/spdlog.h>

#include "core/base/error.h"
#include "launch/checkpoint/checkpoints_folder.h"

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

// Complete as far as sizes tell.
Checkpoint open_whole(const fs::path& folder) {
  std::optional<Checkpoint> checkpoint;
  read_checkpoint(folder, [&] {
    checkpoint = Checkpoint::open(folder);
    checkpoint->verify_sizes();
  });
  return std::move(*checkpoint);
}

}  // namespace

std::optional<ResumePoint> check_resume(const fs::path& checkpoints, const std::string& resume, const Manifest& now,
                                        int64_t num_steps) {
  warn_of_strays(checkpoints);
  std::vector<std::string> damages;
  std::set<fs::path> passed_over;
  for (const auto& folder : resume_candidates(checkpoints, resume)) {
    try {
      const Checkpoint checkpoint = open_whole(folder);
      const int64_t step = checkpoint.manifest().step;
      if (resume != "auto") require_no_later_steps(checkpoints, checkpoint, passed_over);
      RunDifferences differences = require_continuation(checkpoint, now);
      require_steps_left(step, is_own(checkpoints, folder), num_steps);
      return ResumePoint{folder, step, std::move(differences)};
    } catch (const DamageError& error) {
      damages.emplace_back(error.what());
      passed_over.insert(folder.filename());
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

void read_checkpoint(const fs::path& folder, const std::function<void()>& read) {
  try {
    read();
  } catch (const DamageError&) {
    throw;
  } catch (const std::exception& error) {
    throw Error(
        fmt::format("{} could not be read now, and no checkpoint was changed: {}", folder.string(), error.what()));
  }
}

bool is_own(const fs::path& checkpoints, const fs::path& folder) {
  std::error_code missing;
  return fs::equivalent(folder.parent_path(), checkpoints, missing);
}

void require_none_damaged(const std::vector<std::string>& damages, const std::string& resume,
                          const fs::path& checkpoints) {
  if (damages.empty()) return;
  require<ConfigError>(resume == "auto", "--resume {}: no complete checkpoint there: {}", resume, damages[0]);
  throw ConfigError(fmt::format("none of the {} checkpoints is complete; the newest: {}; move {} away to begin anew",
                                damages.size(), damages[0], checkpoints.string()));
}

void require_no_later_steps(const fs::path& checkpoints, const Checkpoint& checkpoint,
                            const std::set<fs::path>& passed_over) {
  for (const int64_t step : saved_steps(checkpoints)) {
    const fs::path folder = checkpoints / step_folder_name(step);
    if (passed_over.contains(folder.filename())) continue;
    require<ConfigError>(step <= checkpoint.manifest().step,
                         "{} is later than {}, and the next restart would take it for this run's own; move it away, or "
                         "choose another --run, or go on from it with --resume auto",
                         folder.string(), checkpoint.folder().string());
  }
}

RunDifferences require_continuation(const Checkpoint& checkpoint, const Manifest& now) {
  auto differences = compare_runs(checkpoint.manifest(), now);
  require<ConfigError>(differences.errors.empty(),
                       "{} cannot be continued by this run: {}; set these as they were there, or choose another --run",
                       checkpoint.folder().string(), fmt::join(differences.errors, "; "));
  return differences;
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
