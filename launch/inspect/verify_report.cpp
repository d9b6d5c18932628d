#include <algorithm>

#include "core/base/error.h"
#include "launch/inspect/reports.h"
#include "launch/inspect/target.h"
#include "launch/inspect/text_table.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

Json describe_verified(const fs::path& path, const std::vector<FolderFile>& files) {
  Json rows = Json::array();
  for (const auto& file : files) {
    rows.push_back({{"name", file.name},
                    {"bytes", file.bytes},
                    {"ok", !file.problem},
                    {"problem", file.problem ? Json(file.problem->text) : Json(nullptr)}});
  }
  const bool is_ok = std::ranges::none_of(files, [](const FolderFile& file) { return file.problem.has_value(); });
  return {{"path", path.string()}, {"ok", is_ok}, {"files", std::move(rows)}};
}

Json verify_step(const fs::path& path) {
  StepFolder folder = read_step_folder(path);
  for (auto& file : folder.files) check_digest(folder, file);
  open_tensors(folder);
  return describe_verified(path, folder.files);
}

// A single file carries no digest: only its header can be held against its size.
Json verify_file(const fs::path& path) {
  FolderFile file{.name = path.filename().string(), .bytes = fs::file_size(path)};
  try {
    const SafetensorsFile opened(path);
  } catch (const IoError& error) {
    file.problem = FileProblem{error.what()};
  }
  return describe_verified(path, {file});
}

Json verify_checkpoints(const fs::path& path) {
  const PathKind kind = kind_of(path);
  require<ConfigError>(kind != PathKind::kStore, "{} is a store; 'fgm data verify' checks all of it", path.string());
  if (kind == PathKind::kTensorFile) return Json::array({verify_file(path)});
  if (kind == PathKind::kStepFolder) return Json::array({verify_step(path)});
  Json checkpoints = Json::array();
  for (const auto& folder : checkpoint_folders(path)) {
    if (folder.is_published) checkpoints.push_back(verify_step(folder.path));
  }
  return checkpoints;
}

Json describe_verification(const fs::path& path) {
  Json checkpoints = verify_checkpoints(path);
  const bool is_ok = std::ranges::all_of(checkpoints, [](const Json& c) { return c["ok"].get<bool>(); });
  return {{"format", "verification"}, {"path", path.string()}, {"ok", is_ok}, {"checkpoints", std::move(checkpoints)}};
}

std::string verified_text(const Json& checkpoint) {
  std::string text = cell(checkpoint["path"]) + "\n";
  for (const auto& file : checkpoint["files"]) {
    text += file["ok"].get<bool>() ? fmt::format("  ok     {}\n", cell(file["name"]))
                                   : fmt::format("  WRONG  {} {}\n", cell(file["name"]), cell(file["problem"]));
  }
  return text;
}

std::string verification_text(const Json& report) {
  const Json& checkpoints = report["checkpoints"];
  std::string text;
  for (const auto& checkpoint : checkpoints) text += verified_text(checkpoint);
  const auto num_ok = std::ranges::count_if(checkpoints, [](const Json& c) { return c["ok"].get<bool>(); });
  return text + fmt::format("{}: {} of {} ok\n", cell(report["path"]), num_ok, checkpoints.size());
}

}  // namespace

Report report_verification(const fs::path& path) {
  Json json = describe_verification(path);
  std::string text = verification_text(json);
  const bool is_well = json["ok"].get<bool>();
  return {std::move(json), std::move(text), is_well};
}

}  // namespace fgm
