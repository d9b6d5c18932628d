#include "core/base/error.h"
#include "data/store/store.h"
#include "launch/inspect/reports.h"

namespace fgm {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kNumPromptsShown = 5;

Json describe_store(const std::filesystem::path& path) {
  const Store store(path);
  store.log_text_remarks();
  store.verify_images();
  return {{"format", "store"},
          {"path", path.string()},
          {"kind", store.kind()},
          {"records", store.size()},
          {"image_shape", store.image_shape()},
          {"sample_shape", store.sample_shape()},
          {"prompts", store.first(kNumPromptsShown)},
          {"provenance", store.provenance()}};
}

std::string shape_text(const Json& shape) {
  return shape.empty() ? "none" : fmt::format("{}", fmt::join(shape.get<std::vector<int64_t>>(), " x "));
}

std::string store_text(const Json& report) {
  std::string text = fmt::format("{}: store of {}\n  records: {}\n  images: {}\n", report["path"].get<std::string>(),
                                 report["kind"].get<std::string>(), report["records"].get<int64_t>(),
                                 shape_text(report["image_shape"]));
  if (!report["sample_shape"].empty()) text += fmt::format("  samples: {}\n", shape_text(report["sample_shape"]));
  text += "  first prompts:\n";
  for (const auto& prompt : report["prompts"]) text += fmt::format("    {}\n", prompt.get<std::string>());
  return text + fmt::format("  provenance: {}\n", report["provenance"].dump());
}

}  // namespace

Report report_store(const std::filesystem::path& path) {
  Json json = describe_store(path);
  std::string text = store_text(json);
  return {std::move(json), std::move(text)};
}

}  // namespace fgm
