#include "core/base/error.h"
#include "core/base/text.h"
#include "core/io/safetensors.h"
#include "core/io/safetensors_dtype.h"
#include "launch/cli/inspect_report.h"
#include "launch/cli/tensor_stats.h"

namespace fgm {
namespace {

using Json = nlohmann::ordered_json;

Json optional_number(const std::optional<double>& number) {
  return number ? Json(*number) : Json(nullptr);
}

std::string number_text(const Json& number) {
  return number.is_null() ? "-" : fmt::format("{:.4g}", number.get<double>());
}

std::string shape_text(const Json& shape) {
  return fmt::format("[{}]", fmt::join(shape.get<std::vector<int64_t>>(), ", "));
}

// A value of several lines (a config section) begins below its key.
std::string metadata_text(const std::string& key, std::string value) {
  if (value.find('\n') == std::string::npos) return fmt::format("  {}: {}\n", key, value);
  std::string text = fmt::format("  {}:\n", key);
  for (const auto& line : split(value, '\n')) text += "    " + line + "\n";
  return text;
}

}  // namespace

Json inspect_weights(const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  const auto role = file.metadata().find("role");
  const std::string role_name = role == file.metadata().end() ? "weights" : role->second;
  Json tensors = Json::array();
  int64_t num_values = 0, num_non_finite = 0;
  uint64_t num_bytes = 0;
  for (const auto& info : file.tensors()) {
    const auto tensor = file.view(info.name);
    const TensorStats stats = tensor_stats(tensor);
    tensors.push_back({{"name", info.name},
                       {"role", role_name},
                       {"shape", info.shape},
                       {"dtype", safetensors_dtype_name(info.dtype).value_or("?")},
                       {"bytes", info.end - info.begin},
                       {"mean", optional_number(stats.mean)},
                       {"std", optional_number(stats.std)},
                       {"non_finite", stats.num_non_finite}});
    num_values += tensor.numel();
    num_bytes += info.end - info.begin;
    num_non_finite += stats.num_non_finite;
  }
  const Json totals = {
      {"tensors", tensors.size()}, {"values", num_values}, {"bytes", num_bytes}, {"non_finite", num_non_finite}};
  return {{"format", "safetensors"},
          {"path", path.string()},
          {"metadata", file.metadata()},
          {"tensors", std::move(tensors)},
          {"totals", totals}};
}

std::string weights_text(const Json& report) {
  std::string text = report["path"].get<std::string>() + ": safetensors\n";
  for (const auto& [key, value] : report["metadata"].items()) text += metadata_text(key, value);
  size_t name_width = 4, shape_width = 5;
  for (const auto& tensor : report["tensors"]) {
    name_width = std::max(name_width, tensor["name"].get_ref<const std::string&>().size());
    shape_width = std::max(shape_width, shape_text(tensor["shape"]).size());
  }
  constexpr auto kRow = "{:<{}}  {:<10}  {:<{}}  {:<5}  {:>10}  {:>10}  {:>10}  {:>10}\n";
  text += fmt::format(kRow, "name", name_width, "role", "shape", shape_width, "dtype", "bytes", "mean", "std",
                      "non-finite");
  for (const auto& tensor : report["tensors"]) {
    text += fmt::format(kRow, tensor["name"].get<std::string>(), name_width, tensor["role"].get<std::string>(),
                        shape_text(tensor["shape"]), shape_width, tensor["dtype"].get<std::string>(),
                        tensor["bytes"].get<uint64_t>(), number_text(tensor["mean"]), number_text(tensor["std"]),
                        tensor["non_finite"].get<int64_t>());
  }
  const auto& totals = report["totals"];
  return text + fmt::format("{} tensors, {} values, {}, {} not finite\n", totals["tensors"].get<int64_t>(),
                            totals["values"].get<int64_t>(), human_bytes(totals["bytes"].get<double>()),
                            totals["non_finite"].get<int64_t>());
}

}  // namespace fgm
