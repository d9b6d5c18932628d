#include "core/base/error.h"
#include "core/base/text.h"
#include "launch/inspect/reports.h"
#include "launch/inspect/state.h"
#include "launch/inspect/tensor_table.h"
#include "launch/inspect/text_table.h"

namespace fgm {
namespace {

using Json = nlohmann::ordered_json;

Json describe_files(const std::vector<FolderFile>& files) {
  Json rows = Json::array();
  for (const auto& file : files) {
    rows.push_back({{"name", file.name},
                    {"bytes", file.bytes},
                    {"expected_bytes", file.expected ? Json(file.expected->bytes) : Json(nullptr)},
                    {"xxh128", file.expected ? Json(file.expected->xxh128) : Json(nullptr)},
                    {"problem", file.problem ? Json(file.problem->text) : Json(nullptr)}});
  }
  return rows;
}

Json describe_step(const StepFolder& folder, const Snapshot& snapshot) {
  Json json = {{"format", "checkpoint"},
               {"path", folder.path.string()},
               {"status", folder.is_well() ? "complete" : "damaged"},
               {"state", folder.manifest ? describe_state(*folder.manifest) : Json(nullptr)},
               {"files", describe_files(folder.files)},
               {"roles", describe_roles(snapshot.tensors)},
               {"tensors", describe_tensors(snapshot.tensors)}};
  json["totals"] = describe_totals(json["tensors"]);
  json["config"] = config_values(snapshot.config);
  return json;
}

std::string file_problems_text(const Json& files) {
  std::string text;
  for (const auto& file : files) {
    if (!file["problem"].is_null()) text += fmt::format("  {} {}\n", cell(file["name"]), cell(file["problem"]));
  }
  return text;
}

std::string files_text(const Json& files) {
  TextTable table({"file", ">size", "xxh128"});
  for (const auto& file : files) {
    table.add({cell(file["name"]), human_bytes(file["bytes"].get<double>()), cell(file["xxh128"])});
  }
  return table.text();
}

std::string config_text(const std::string& ini) {
  std::string text;
  for (const auto& line : split(ini, '\n')) text += "  " + line + "\n";
  return text.empty() ? "" : "config\n" + text;
}

// `config` as it was written, in sections.
std::string step_text(const Json& report, const std::string& config) {
  std::string text = fmt::format("{}: checkpoint, {}\n", cell(report["path"]), cell(report["status"]));
  text += file_problems_text(report["files"]);
  if (!report["state"].is_null()) text += "state\n" + state_text(report["state"]);
  text += "files\n" + files_text(report["files"]);
  text += "roles\n" + roles_text(report["roles"]);
  return text + tensors_text(report["tensors"]) + totals_text(report["totals"]) + config_text(config);
}

}  // namespace

Report report_step(const std::filesystem::path& path) {
  StepFolder folder = read_step_folder(path);
  open_tensors(folder);
  const Snapshot snapshot = snapshot_of(folder);
  Json json = describe_step(folder, snapshot);
  std::string text = step_text(json, snapshot.config);
  return {std::move(json), std::move(text), folder.is_well()};
}

}  // namespace fgm
