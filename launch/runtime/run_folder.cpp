#include "launch/runtime/run_folder.h"

#include "core/base/error.h"
#include "core/base/version.h"
#include "core/config/fields.h"
#include "core/io/file.h"
#include "core/io/output_path.h"

namespace fgm {

namespace fs = std::filesystem;

void check_run_folder(const Config& config) {
  require<ConfigError>(!config.run.dir.empty(), "run.dir is not set; give the run's folder with --run DIR");
  const fs::path path = config.run.dir;
  const RunFolder folder(path);
  for (const auto& part : {path, folder.checkpoints(), folder.events(), folder.samples()}) {
    require_no_dangling_link(part);
  }
  try {
    check_output_folder(path);
  } catch (const IoError& error) {
    throw IoError(fmt::format("run.dir: {}", error.what()), error.exit_code());
  }
}

void RunFolder::create() const {
  std::error_code failure;
  for (const auto& folder : {path_, events(), checkpoints(), samples()}) {
    fs::create_directories(folder, failure);
    if (failure) throw IoError(fmt::format("folder '{}' cannot be made", folder.string()), failure);
  }
}

void RunFolder::begin(const Config& config) const {
  std::error_code failure;
  fs::remove(done_file(), failure);
  if (failure) throw IoError(fmt::format("'{}' cannot be removed", done_file().string()), failure);
  write_file(config_file(), fmt::format("# fgm {} ({})\n{}", version(), version_commit(), to_ini(config)));
}

fs::path RunFolder::sample_file(int64_t step) const {
  return samples() / fmt::format("step-{:08d}.png", step);
}

void RunFolder::mark_done() const {
  write_file(done_file(), "");
}

}  // namespace fgm
