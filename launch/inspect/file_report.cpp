#include "core/base/error.h"
#include "core/base/text.h"
#include "launch/inspect/reports.h"
#include "launch/inspect/tensor_table.h"

namespace fgm {
namespace {

using Json = nlohmann::ordered_json;

Json describe_file(const std::filesystem::path& path) {
  const auto file = std::make_shared<const SafetensorsFile>(path);
  Json json = {{"format", "safetensors"}, {"path", path.string()}, {"metadata", file->metadata()}};
  json["tensors"] = describe_tensors(snapshot_of(file).tensors);
  json["totals"] = describe_totals(json["tensors"]);
  return json;
}

// A value of several lines (a config section) begins below its key.
std::string metadata_text(const std::string& key, const std::string& value) {
  if (value.find('\n') == std::string::npos) return fmt::format("  {}: {}\n", key, value);
  std::string text = fmt::format("  {}:\n", key);
  for (const auto& line : split(value, '\n')) text += "    " + line + "\n";
  return text;
}

std::string file_text(const Json& report) {
  std::string text = report["path"].get<std::string>() + ": safetensors\n";
  for (const auto& [key, value] : report["metadata"].items()) text += metadata_text(key, value.get<std::string>());
  return text + tensors_text(report["tensors"]) + totals_text(report["totals"]);
}

}  // namespace

Report report_file(const std::filesystem::path& path) {
  Json json = describe_file(path);
  std::string text = file_text(json);
  return {std::move(json), std::move(text)};
}

}  // namespace fgm
