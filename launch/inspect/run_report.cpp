#include <fmt/chrono.h>

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

Json describe(const CheckpointFolder& entry, const StepFolder& folder) {
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

std::string number_or_dash(const Json& number) {
  return number.is_null() ? "-" : number.dump();
}

std::string checkpoints_text(const Json& checkpoints) {
  TextTable table({"checkpoint", ">step", ">ranks", ">size", "written (UTC)", "status"});
  std::string problems;
  for (const auto& row : checkpoints) {
    const auto name = row["name"].get<std::string>();
    table.add({name, number_or_dash(row["step"]), number_or_dash(row["world"]), human_bytes(row["bytes"].get<double>()),
               row["time"].is_null() ? "-" : row["time"].get<std::string>(), row["status"].get<std::string>()});
    if (row["status"] == "damaged" || row["status"] == "misnamed")
      problems += fmt::format("{}: {}\n", name, row["problem"].get<std::string>());
  }
  return table.text() + problems;
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
  Json checkpoints = Json::array();
  std::optional<StepFolder> newest;
  bool is_well = true;
  for (const auto& entry : checkpoint_folders(path)) {
    StepFolder folder = read_step_folder(entry.path);
    checkpoints.push_back(describe(entry, folder));
    if (!entry.is_published) continue;
    is_well = is_well && folder.is_well();
    if (folder.is_well()) newest = std::move(folder);
  }
  Json json = {{"format", "run"},
               {"path", path.string()},
               {"done", fs::exists(path / "DONE")},
               {"checkpoints", std::move(checkpoints)},
               {"newest", newest ? describe_newest(*newest) : Json(nullptr)}};
  const auto text = run_text(json);
  return {std::move(json), text, is_well};
}

}  // namespace fgm
