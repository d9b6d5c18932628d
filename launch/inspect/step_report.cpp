#include "core/base/error.h"
#include "core/base/text.h"
#include "launch/inspect/reports.h"
#include "launch/inspect/state.h"
#include "launch/inspect/tensor_table.h"
#include "launch/inspect/text_table.h"

namespace fgm {
namespace {

using Json = nlohmann::ordered_json;

Json describe(const FolderFile& file) {
  return {{"name", file.name},
          {"bytes", file.bytes},
          {"expected_bytes", file.expected ? Json(file.expected->bytes) : Json(nullptr)},
          {"xxh128", file.expected ? Json(file.expected->xxh128) : Json(nullptr)},
          {"problem", file.problem.empty() ? Json(nullptr) : Json(file.problem)}};
}

Json describe(const StepFolder& folder) {
  const Snapshot snapshot = snapshot_of(folder);
  Json json = {{"format", "checkpoint"},
               {"path", folder.path.string()},
               {"status", folder.is_well() ? "complete" : "damaged"},
               {"state", folder.manifest ? describe_state(*folder.manifest) : Json(nullptr)},
               {"files", Json::array()},
               {"roles", describe_roles(snapshot.tensors)},
               {"tensors", describe_tensors(snapshot.tensors)}};
  for (const auto& file : folder.files) json["files"].push_back(describe(file));
  json["totals"] = describe_totals(json["tensors"]);
  json["config"] = config_values(snapshot.config);
  return json;
}

std::string files_text(const Json& files) {
  TextTable table({"file", ">size", "xxh128"});
  for (const auto& file : files) {
    table.add({file["name"].get<std::string>(), human_bytes(file["bytes"].get<double>()),
               file["xxh128"].is_null() ? "-" : file["xxh128"].get<std::string>()});
  }
  return table.text();
}

std::string config_text(const std::string& ini) {
  std::string text;
  for (const auto& line : split(ini, '\n')) text += "  " + line + "\n";
  return text.empty() ? "" : "config\n" + text;
}

}  // namespace

Report report_step(const std::filesystem::path& path) {
  StepFolder folder = read_step_folder(path);
  open_tensors(folder);
  Json json = describe(folder);
  std::string text = fmt::format("{}: checkpoint, {}\n", path.string(), json["status"].get<std::string>());
  for (const auto& problem : folder.problems()) text += fmt::format("  {}\n", problem);
  if (folder.manifest) text += "state\n" + state_text(json["state"]);
  text += "files\n" + files_text(json["files"]);
  text += "roles\n" + roles_text(json["roles"]);
  text += tensors_text(json["tensors"]) + totals_text(json["totals"]);
  text += config_text(snapshot_of(folder).config);
  return {std::move(json), text, folder.is_well()};
}

}  // namespace fgm
