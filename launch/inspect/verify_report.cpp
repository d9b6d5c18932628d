#include <algorithm>

#include "core/base/error.h"
#include "launch/inspect/reports.h"
#include "launch/inspect/target.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

Json describe(const std::string& name, uint64_t bytes, const std::string& problem) {
  return {{"name", name},
          {"bytes", bytes},
          {"ok", problem.empty()},
          {"problem", problem.empty() ? Json(nullptr) : Json(problem)}};
}

Json with_verdict(const fs::path& path, Json files) {
  const bool is_ok = std::ranges::all_of(files, [](const Json& file) { return file["ok"].get<bool>(); });
  return {{"path", path.string()}, {"ok", is_ok}, {"files", std::move(files)}};
}

Json verify_step(const fs::path& path) {
  StepFolder folder = read_step_folder(path);
  check_digests(folder);
  open_tensors(folder);
  Json files = Json::array();
  for (const auto& file : folder.files) files.push_back(describe(file.name, file.bytes, file.problem));
  return with_verdict(path, std::move(files));
}

// A single file carries no digest: only its header can be held against its size.
Json verify_file(const fs::path& path) {
  std::string problem;
  try {
    const SafetensorsFile file(path);
  } catch (const IoError& error) {
    problem = error.what();
  }
  return with_verdict(path, Json::array({describe(path.filename().string(), fs::file_size(path), problem)}));
}

Json verify(const fs::path& path) {
  const PathKind kind = kind_of(path);
  require<ConfigError>(kind != PathKind::kStore, "{} is a store; 'fgm inspect' without --verify checks its digest",
                       path.string());
  if (kind == PathKind::kTensorFile) return Json::array({verify_file(path)});
  if (kind == PathKind::kStepFolder) return Json::array({verify_step(path)});
  Json checkpoints = Json::array();
  for (const auto& folder : checkpoint_folders(path)) {
    if (folder.is_published) checkpoints.push_back(verify_step(folder.path));
  }
  return checkpoints;
}

std::string text_of(const Json& checkpoint) {
  std::string text = checkpoint["path"].get<std::string>() + "\n";
  for (const auto& file : checkpoint["files"]) {
    const auto name = file["name"].get<std::string>();
    text += file["ok"].get<bool>() ? fmt::format("  ok     {}\n", name)
                                   : fmt::format("  WRONG  {} {}\n", name, file["problem"].get<std::string>());
  }
  return text;
}

}  // namespace

Report report_verification(const fs::path& path) {
  Json checkpoints = verify(path);
  std::string text;
  for (const auto& checkpoint : checkpoints) text += text_of(checkpoint);
  const auto num_ok = std::ranges::count_if(checkpoints, [](const Json& c) { return c["ok"].get<bool>(); });
  const bool is_ok = num_ok == static_cast<ptrdiff_t>(checkpoints.size());
  text += fmt::format("{}: {} of {} ok\n", path.string(), num_ok, checkpoints.size());
  Json json = {
      {"format", "verification"}, {"path", path.string()}, {"ok", is_ok}, {"checkpoints", std::move(checkpoints)}};
  return {std::move(json), text, is_ok};
}

}  // namespace fgm
