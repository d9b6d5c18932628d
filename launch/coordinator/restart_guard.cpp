#include "launch/coordinator/restart_guard.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/strict_json.h"

namespace fgm {
namespace {

using nlohmann::json;

// Starts in a row from `step` that the file tells of; a file that cannot be read tells of none.
int64_t num_starts(const std::filesystem::path& file, int64_t step) {
  if (!std::filesystem::exists(file)) return 0;
  try {
    const json record = read_json(file);
    for (const char* key : {"step", "starts"}) {
      require<IoError>(record.is_object() && record.contains(key) && record[key].is_number_integer(),
                       "{}: '{}' is not a whole number", file.string(), key);
    }
    return record["step"] == step ? record["starts"].get<int64_t>() : 0;
  } catch (const Error& error) {
    spdlog::warn("starts are counted anew: {}", error.what());
    return 0;
  }
}

}  // namespace

RestartGuard::RestartGuard(std::filesystem::path file) : file_(std::move(file)) {}

void RestartGuard::require_progress(int64_t step) const {
  const int64_t before = num_starts(file_, step);
  require<DoNotRequeueError>(before < kMaxStarts,
                             "no progress: {} starts from step {} ended without a later checkpoint; look at the end of "
                             "their logs, then remove {} to try again",
                             before, step, file_.string());
}

void RestartGuard::start(int64_t step) {
  require_progress(step);
  write_file(file_, json{{"step", step}, {"starts", num_starts(file_, step) + 1}}.dump() + "\n");
}

void RestartGuard::end_cleanly() {
  std::error_code error;
  std::filesystem::remove(file_, error);
  if (error) spdlog::warn("{} could not be removed: {}", file_.string(), error.message());
}

}  // namespace fgm
