#include <fmt/chrono.h>

#include <algorithm>
#include <chrono>

#include "core/base/error.h"
#include "core/base/text.h"
#include "launch/checkpoint/checkpoints_folder.h"
#include "launch/inspect/reports.h"
#include "launch/inspect/state.h"
#include "launch/inspect/target.h"
#include "launch/inspect/tensor_table.h"
#include "launch/inspect/text_table.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// When the checkpoint was finished, or last written to: "2026-01-31T12:00:00Z".
Json time_of(const fs::path& folder) {
  std::error_code missing;
  auto time = fs::last_write_time(folder / kCommitFile, missing);
  if (missing) time = fs::last_write_time(folder, missing);
  if (missing) return nullptr;
  const auto seconds = std::chrono::time_point_cast<std::chrono::seconds>(fs::file_time_type::clock::to_sys(time));
  return fmt::format("{:%FT%TZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)));
}

std::string status_of(const CheckpointFolder& entry, bool is_complete) {
  if (!entry.is_published) return "leftover";
  if (is_complete) return "complete";
  return why_stray(entry.path) ? "misnamed" : "damaged";
}

Json describe_checkpoint(const CheckpointFolder& entry, const StepFolder& folder) {
  const bool is_complete = folder.is_well();
  return {{"name", entry.path.filename().string()},
          {"step", folder.manifest ? Json(folder.manifest->step) : Json(nullptr)},
          {"world", folder.manifest ? Json(folder.manifest->world) : Json(nullptr)},
          {"status", status_of(entry, is_complete)},
          {"problem", is_complete ? Json(nullptr) : Json(folder.problems().front())},
          {"bytes", folder.total_bytes()},
          {"time", time_of(entry.path)}};
}

Json describe_newest(const StepFolder& folder) {
  return {{"path", folder.path.string()},
          {"state", describe_state(*folder.manifest)},
          {"roles", describe_roles(snapshot_of(folder).tensors)}};
}

// Whether a row makes its run unwell: what a killed job or a restart left over does not.
bool is_wrong(const Json& checkpoint) {
  return checkpoint["status"] == "damaged" || checkpoint["status"] == "misnamed";
}

std::string checkpoints_text(const Json& checkpoints) {
  TextTable table({"checkpoint", ">step", ">ranks", ">size", "written (UTC)", "status"});
  std::string problems;
  for (const auto& row : checkpoints) {
    table.add({cell(row["name"]), cell(row["step"]), cell(row["world"]), human_bytes(row["bytes"].get<double>()),
               cell(row["time"]), cell(row["status"])});
    if (is_wrong(row)) problems += fmt::format("{}: {}\n", cell(row["name"]), cell(row["problem"]));
  }
  return table.text() + problems;
}

Json describe_run(const fs::path& path) {
  Json checkpoints = Json::array();
  std::optional<StepFolder> newest;
  for (const auto& entry : checkpoint_folders(path)) {
    StepFolder folder = read_step_folder(entry.path);
    checkpoints.push_back(describe_checkpoint(entry, folder));
    if (entry.is_published && folder.is_well()) newest = std::move(folder);
  }
  return {{"format", "run"},
          {"path", path.string()},
          {"done", fs::exists(path / "DONE")},
          {"checkpoints", std::move(checkpoints)},
          {"newest", newest ? describe_newest(*newest) : Json(nullptr)}};
}

std::string run_text(const Json& report) {
  const bool is_done = report["done"].get<bool>();
  std::string text =
      fmt::format("{}: run, {}\n", report["path"].get<std::string>(), is_done ? "finished" : "not finished (no DONE)");
  text += checkpoints_text(report["checkpoints"]);
  const Json& newest = report["newest"];
  if (newest.is_null()) return text + "no complete checkpoint\n";
  return text + fmt::format("newest complete: {}\n", newest["path"].get<std::string>()) + state_text(newest["state"]) +
         roles_text(newest["roles"]);
}

}  // namespace

Report report_run(const fs::path& path) {
  Json json = describe_run(path);
  std::string text = run_text(json);
  const bool is_well = std::ranges::none_of(json["checkpoints"], is_wrong);
  return {std::move(json), std::move(text), is_well};
}

}  // namespace fgm
