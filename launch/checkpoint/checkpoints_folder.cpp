#include "launch/checkpoint/checkpoints_folder.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <ranges>

#include "core/base/error.h"
#include "core/base/number.h"
#include "core/io/atomic_file.h"
#include "launch/checkpoint/step_folder.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kStepPrefix = "step-";
constexpr std::string_view kTemporaryPrefix = ".tmp-";
constexpr std::string_view kOldPrefix = ".old-";
constexpr std::string_view kDamagedPrefix = "damaged-";
constexpr std::string_view kMisnamedPrefix = "misnamed-";
constexpr std::string_view kTemporaryOwner = "OWNER.tmp-";  // what AtomicFile writes

// There are no names when there is no such folder. A folder that is out of reach must not look like that: the run would
// start over.
std::set<std::string> names_in_checkpoints(const fs::path& checkpoints) {
  require_no_dangling_link(checkpoints);  // a link to what is not there would make the run start over
  std::error_code error;
  const fs::file_status status = fs::status(checkpoints, error);
  if (status.type() == fs::file_type::not_found && error == std::errc::no_such_file_or_directory) return {};
  auto names = names_in(checkpoints, error);
  if (error) throw Error(fmt::format("cannot list {}: {}", checkpoints.string(), error.message()));
  return names;
}

void rename_folder(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) throw_write_error(to, "rename", error);
}

// The step in a name that begins as a step's folder's does; nothing when no number follows.
std::optional<int64_t> step_in_name(const std::string& name) {
  return parse_number<int64_t>(std::string_view(name).substr(kStepPrefix.size()));
}

// Gives the folder the name PREFIX and its own, with a number where that is taken.
fs::path rename_with_prefix(std::string_view prefix, const fs::path& folder) {
  const fs::path plain = folder.parent_path() / fmt::format("{}{}", prefix, folder.filename().string());
  fs::path aside = plain;
  for (int number = 2; fs::exists(aside); ++number) aside = fmt::format("{}-{}", plain.string(), number);
  rename_folder(folder, aside);
  return aside;
}

}  // namespace

std::optional<fs::path> checkpoints_in(const fs::path& run) {
  std::error_code ignored;
  constexpr const char* kName = "checkpoints";
  if (fs::is_directory(run / kName, ignored)) return run / kName;
  const fs::path plain = (run / "").parent_path();
  if (plain.filename() == kName && fs::is_directory(plain, ignored)) return plain;
  return std::nullopt;
}

std::set<std::string> names_in(const fs::path& folder, std::error_code& error) {
  std::set<std::string> names;
  for (fs::directory_iterator entry(folder, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    names.insert(entry->path().filename().string());
  }
  return names;
}

bool is_checkpoint_name(const std::string& name) {
  return std::ranges::any_of(std::array{kStepPrefix, kTemporaryPrefix, kOldPrefix, kDamagedPrefix, kMisnamedPrefix},
                             [&](std::string_view prefix) { return name.starts_with(prefix); });
}

std::string step_folder_name(int64_t step) {
  return fmt::format("{}{:08d}", kStepPrefix, step);
}

std::string shard_file_name(const std::string& role, int shard, int num_shards) {
  return fmt::format("{}-{:05d}-of-{:05d}.safetensors", role, shard, num_shards);
}

StepFolders list_steps(const fs::path& checkpoints) {
  StepFolders found;
  for (const std::string& name : names_in_checkpoints(checkpoints)) {
    if (!name.starts_with(kStepPrefix)) continue;
    require_no_dangling_link(checkpoints / name);
    if (why_stray(checkpoints / name)) {
      found.strays.push_back(name);
    } else {
      found.steps.push_back(step_in_name(name).value());
    }
  }
  std::sort(found.steps.begin(), found.steps.end());
  return found;
}

std::vector<int64_t> saved_steps(const fs::path& checkpoints) {
  return list_steps(checkpoints).steps;
}

std::optional<std::string> why_misnamed(const fs::path& folder, int64_t step) {
  const std::string name = (folder / "").parent_path().filename().string();
  if (!name.starts_with(kStepPrefix) || name == step_folder_name(step)) return std::nullopt;
  return fmt::format("holds step {}, whose folder is named {}", step, step_folder_name(step));
}

std::optional<std::string> why_stray(const fs::path& step) {
  const std::string name = step.filename().string();
  const auto number = step_in_name(name);
  if (!number || name != step_folder_name(*number)) {
    return fmt::format("is not named as a step is, such as {}", step_folder_name(number.value_or(200)));
  }
  std::error_code unreadable;
  const auto type = fs::status(step, unreadable).type();
  if (!unreadable && type != fs::file_type::directory) return "is no folder";
  const StepFolder head = read_head(step);
  const bool does_commit_fit = head.manifest && !head.files.back().problem;
  return does_commit_fit ? why_misnamed(step, head.manifest->step) : std::nullopt;
}

void warn_of_strays(const fs::path& checkpoints) {
  for (const auto& name : list_steps(checkpoints).strays) {
    const fs::path stray = checkpoints / name;
    spdlog::warn("{} {}; it is not taken for a checkpoint, and left alone", stray.string(),
                 why_stray(stray).value_or(""));
  }
}

void clear_leftovers(const fs::path& checkpoints) {
  for (const std::string& name : names_in_checkpoints(checkpoints)) {
    if (name.starts_with(kTemporaryPrefix) || name.starts_with(kTemporaryOwner)) remove_folder(checkpoints / name);
    if (!name.starts_with(kOldPrefix)) continue;
    const fs::path published = checkpoints / name.substr(kOldPrefix.size());
    if (fs::exists(published)) {
      remove_folder(checkpoints / name);
    } else {
      rename_folder(checkpoints / name, published);
    }
  }
}

void publish(const fs::path& temporary, const fs::path& checkpoints, int64_t step) {
  const std::string name = step_folder_name(step);
  const fs::path published = checkpoints / name, old = checkpoints / (std::string(kOldPrefix) + name);
  bool replaces = fs::exists(published);
  if (const auto reason = replaces ? why_stray(published) : std::nullopt) {
    spdlog::warn("{} {}, and is now {}", published.string(), *reason,
                 rename_with_prefix(kMisnamedPrefix, published).filename().string());
    replaces = false;
  }
  if (replaces) rename_folder(published, old);
  rename_folder(temporary, published);
  sync_to_disk(checkpoints);
  if (replaces) remove_folder(old);
}

void quarantine(const fs::path& folder) {
  const fs::path aside = rename_with_prefix(kDamagedPrefix, folder);
  spdlog::warn("{} is damaged, and now {}; it stays until you remove it", folder.string(), aside.filename().string());
}

void remove_old_steps(const fs::path& checkpoints, int64_t keep) {
  if (keep == 0) return;
  std::vector<int64_t> steps;
  try {
    steps = saved_steps(checkpoints);
  } catch (const Error& error) {
    spdlog::warn("older checkpoints stay: {}", error.what());
  }
  int64_t num_kept = 0;
  for (const int64_t step : std::views::reverse(steps)) {
    const fs::path folder = checkpoints / step_folder_name(step);
    if (num_kept == keep) {
      remove_folder(folder);
    } else if (read_step_folder(folder).is_well()) {
      ++num_kept;
    }
  }
}

void remove_folder(const fs::path& folder) {
  const std::string name = folder.filename().string();
  fs::path doomed = folder;
  std::error_code error;
  if (!name.starts_with(kTemporaryPrefix)) {
    doomed = folder.parent_path() / fmt::format("{}remove-{}", kTemporaryPrefix, name);
    fs::rename(folder, doomed, error);
  }
  if (!error) fs::remove_all(doomed, error);
  if (error) spdlog::warn("{} could not be removed: {}", folder.string(), error.message());
}

}  // namespace fgm
