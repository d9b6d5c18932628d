#include "launch/report/run_record.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/number.h"
#include "core/io/file.h"
#include "launch/inspect/reports.h"
#include "launch/inspect/state.h"
#include "launch/runtime/run_folder.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

void require_run(const RunFolder& folder) {
  require<ConfigError>(is_there(folder.path()), "'{}' does not exist; name the folder of a run",
                       folder.path().string());
  require<ConfigError>(
      is_there(folder.metrics_file()) || is_there(folder.checkpoints()) || is_there(folder.config_file()),
      "'{}' is no run's folder: it holds neither metrics.jsonl nor checkpoints nor config.cfg", folder.path().string());
}

// "step-00000200.png" -> 200
std::optional<int64_t> step_of(const fs::path& file) {
  const std::string name = file.stem().string();
  if (!name.starts_with("step-") || file.extension() != ".png") return std::nullopt;
  return parse_number<int64_t>(std::string_view(name).substr(5));
}

std::vector<SampleFile> list_samples(const fs::path& folder) {
  std::vector<SampleFile> samples;
  std::error_code not_there;
  for (const auto& entry : fs::directory_iterator(folder, not_there)) {
    if (const auto step = step_of(entry.path())) samples.push_back({*step, entry.path()});
  }
  std::ranges::sort(samples, {}, &SampleFile::step);
  return samples;
}

// The comment that a config.cfg begins with (RunFolder::begin).
std::string version_of(const std::string& config) {
  const auto line = std::string_view(config).substr(0, config.find('\n'));
  return line.starts_with("# ") ? std::string(line.substr(2)) : "";
}

Json parse(const fs::path& path) {
  const Json json = Json::parse(read_file(path), nullptr, /*allow_exceptions=*/false);
  require<IoError>(json.is_object() && json.contains("models") && json["models"].is_object(),
                   "'{}' is no report of fgm eval", path.string());
  return json;
}

// A part of the folder that cannot be read, perhaps for a moment, is no reason to show nothing of the others.
void read_part(RunRecord& record, const fs::path& path, const std::function<void()>& read) {
  if (!is_there(path)) return;
  try {
    read();
  } catch (const Error& error) {
    record.remarks.push_back(error.what());
  }
}

}  // namespace

RunRecord read_run(const fs::path& path) {
  const RunFolder folder(path);
  require_run(folder);
  RunRecord record{.name = path.string(),
                   .version = "",
                   .settings = {},
                   .metrics = read_metrics(folder.metrics_file()),
                   .samples = list_samples(folder.samples()),
                   .run = {},
                   .scores = {},
                   .remarks = {}};
  read_part(record, folder.config_file(), [&] {
    const std::string config = read_text(folder.config_file());
    record.version = version_of(config);
    record.settings = config_values(config);
  });
  read_part(record, folder.checkpoints(), [&] { record.run = report_run(path).json; });
  read_part(record, folder.report_file(), [&] { record.scores = parse(folder.report_file()); });
  return record;
}

}  // namespace fgm
