#include "launch/runtime/run_folder.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>

#include "core/base/error.h"
#include "core/base/version.h"
#include "core/config/fields.h"
#include "core/io/file.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

// "train.steps = 10 there and 20 here" for the first key that differs; "" when none does.
std::string first_difference(const std::vector<Setting>& there, const Config& here) {
  std::map<std::string, std::string> values;
  for (const auto& setting : there) values[setting.key] = setting.value;
  for (const auto& field : list_fields(here)) {
    // Where a run lives and what it shows do not change what it computes.
    if (field.key == "run.dir" || field.key == "run.log_every") continue;
    const auto old = values.find(field.key);
    const std::string old_value = old == values.end() ? "(not set)" : old->second;
    if (old_value != field.value) return fmt::format("{} = {} there and {} here", field.key, old_value, field.value);
  }
  return "";
}

void require_no_other_finished_run(const fs::path& path, const Config& config) {
  const fs::path old_config = path / "config.cfg";
  if (!fs::exists(path / "DONE") || !fs::exists(old_config)) return;
  const std::string difference = first_difference(read_ini(old_config), config);
  require<ConfigError>(difference.empty(),
                       "run.dir = '{}' holds a finished run of another config ({}); choose another --run or delete it",
                       path.string(), difference);
}

// The nearest ancestor that exists decides whether the folder can be made.
void require_writable(const fs::path& path) {
  fs::path ancestor = fs::absolute(path);
  while (!fs::exists(ancestor)) ancestor = ancestor.parent_path();
  require<IoError>(fs::is_directory(ancestor), "run.dir = '{}' cannot be made: '{}' is not a folder", path.string(),
                   ancestor.string());
  require<IoError>(access(ancestor.c_str(), W_OK | X_OK) == 0, "run.dir = '{}' cannot be written: '{}': {}",
                   path.string(), ancestor.string(), std::strerror(errno));
}

}  // namespace

void check_run_folder(const Config& config) {
  require<ConfigError>(!config.run.dir.empty(), "run.dir is not set; give the run's folder with --run DIR");
  const fs::path path = config.run.dir;
  try {
    require_writable(path);
    require_no_other_finished_run(path, config);
  } catch (const fs::filesystem_error& error) {
    throw IoError(fmt::format("run.dir = '{}' cannot be read: {}", path.string(), error.code().message()));
  }
}

RunFolder::RunFolder(const Config& config) : path_(config.run.dir) {
  check_run_folder(config);
  std::error_code failure;
  for (const auto& folder : {path_, events(), checkpoints(), path_ / "samples"}) {
    fs::create_directories(folder, failure);
    require<IoError>(!failure, "folder '{}' cannot be made: {}", folder.string(), failure.message());
  }
  fs::remove(done_file(), failure);
  write_file(config_file(), fmt::format("# fgm {} ({})\n{}", version(), version_commit(), to_ini(config)));
}

fs::path RunFolder::sample_file(int64_t step) const {
  return path_ / "samples" / fmt::format("step-{:08d}.png", step);
}

void RunFolder::mark_done() const {
  write_file(done_file(), "");
}

}  // namespace fgm
