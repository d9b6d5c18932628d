#include "launch/coordinator/checkpoints_folder.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <ranges>

#include "core/base/error.h"
#include "core/io/atomic_file.h"
#include "launch/coordinator/checkpoint.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kStepPrefix = "step-";
constexpr std::string_view kTemporaryPrefix = ".tmp-";
constexpr std::string_view kOldPrefix = ".old-";
constexpr std::string_view kDamagedPrefix = "damaged-";
constexpr std::string_view kTemporaryOwner = "OWNER.tmp-";  // AtomicFile's

// None when there is no such folder. One that is out of reach must not look like that: the run would begin anew.
std::set<std::string> names_in_checkpoints(const fs::path& checkpoints) {
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

bool looks_complete(const fs::path& folder) {
  try {
    const Checkpoint checkpoint = Checkpoint::open(folder);
    return std::ranges::none_of(checkpoint.manifest().files,
                                [&](const auto& file) { return checkpoint.wrong_size(file.first).has_value(); });
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

std::set<std::string> names_in(const fs::path& folder, std::error_code& error) {
  std::set<std::string> names;
  for (fs::directory_iterator entry(folder, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    names.insert(entry->path().filename().string());
  }
  return names;
}

bool is_checkpoint_name(const std::string& name) {
  return std::ranges::any_of(std::array{kStepPrefix, kTemporaryPrefix, kOldPrefix, kDamagedPrefix},
                             [&](std::string_view prefix) { return name.starts_with(prefix); });
}

std::string step_folder_name(int64_t step) {
  return fmt::format("{}{:08d}", kStepPrefix, step);
}

std::string shard_file_name(const std::string& role, int shard, int num_shards) {
  return fmt::format("{}-{:05d}-of-{:05d}.safetensors", role, shard, num_shards);
}

std::vector<int64_t> saved_steps(const fs::path& checkpoints) {
  std::vector<int64_t> steps;
  for (const std::string& name : names_in_checkpoints(checkpoints)) {
    if (!name.starts_with(kStepPrefix)) continue;
    int64_t step = 0;
    const char* end = name.data() + name.size();
    const auto parsed = std::from_chars(name.data() + kStepPrefix.size(), end, step);
    if (parsed.ec == std::errc() && parsed.ptr == end) steps.push_back(step);
  }
  std::sort(steps.begin(), steps.end());
  return steps;
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
  const bool replaces = fs::exists(published);
  if (replaces) rename_folder(published, old);
  rename_folder(temporary, published);
  sync_to_disk(checkpoints);
  if (replaces) remove_folder(old);
}

void set_aside(const fs::path& folder) {
  const fs::path plain = folder.parent_path() / fmt::format("{}{}", kDamagedPrefix, folder.filename().string());
  fs::path aside = plain;
  for (int number = 2; fs::exists(aside); ++number) aside = fmt::format("{}-{}", plain.string(), number);
  rename_folder(folder, aside);
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
    } else if (looks_complete(folder)) {
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
