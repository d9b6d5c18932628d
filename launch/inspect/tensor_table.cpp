#include "launch/inspect/tensor_table.h"

#include <numeric>

#include "core/base/error.h"
#include "core/base/text.h"
#include "launch/inspect/text_table.h"

namespace fgm {
namespace {

using Json = nlohmann::ordered_json;

Json describe_tensor(const SnapshotTensor& tensor) {
  const TensorStats stats =
      tensor_stats(tensor.readable(), [&](int64_t begin, const at::Tensor& out) { tensor.read(begin, out); });
  return {{"name", tensor.name},
          {"role", tensor.role},
          {"shape", tensor.shape},
          {"dtype", tensor.dtype_name},
          {"bytes", tensor.num_bytes},
          {"mean", or_null(stats.mean)},
          {"std", or_null(stats.std)},
          {"non_finite", stats.num_non_finite},
          {"missing", tensor.num_missing()}};
}

std::string tensor_remarks(const Json& tensor) {
  const auto non_finite = tensor["non_finite"].get<int64_t>(), missing = tensor["missing"].get<int64_t>();
  std::string text = non_finite > 0 ? fmt::format("{} not finite", non_finite) : "";
  if (missing > 0) text += fmt::format("{}{} missing", text.empty() ? "" : ", ", missing);
  return text;
}

std::string role_table(const Json& tensors, const std::string& role) {
  TextTable table({"name", "shape", "dtype", ">size", ">mean", ">std", ""});
  for (const auto& tensor : tensors) {
    if (tensor["role"] != role) continue;
    table.add({tensor["name"], shape_text(tensor["shape"]), tensor["dtype"], human_bytes(tensor["bytes"].get<double>()),
               number_text(tensor["mean"]), number_text(tensor["std"]), tensor_remarks(tensor)});
  }
  return fmt::format("{}\n{}", role, table.text());
}

std::vector<std::string> roles_in_order(const Json& tensors) {
  std::vector<std::string> roles;
  for (const auto& tensor : tensors) {
    if (roles.empty() || roles.back() != tensor["role"]) roles.push_back(tensor["role"]);
  }
  return roles;
}

}  // namespace

Json describe_tensors(const std::vector<SnapshotTensor>& tensors) {
  Json described = Json::array();
  for (const auto& tensor : tensors) described.push_back(describe_tensor(tensor));
  return described;
}

std::string tensors_text(const Json& tensors) {
  std::string text;
  for (const auto& role : roles_in_order(tensors)) text += role_table(tensors, role);
  return text;
}

Json describe_roles(const std::vector<SnapshotTensor>& tensors) {
  Json roles = Json::array();
  for (const auto& tensor : tensors) {
    if (roles.empty() || roles.back()["role"] != tensor.role) {
      roles.push_back({{"role", tensor.role}, {"tensors", 0}, {"values", 0}, {"bytes", 0}});
    }
    Json& role = roles.back();
    role["tensors"] = role["tensors"].get<int64_t>() + 1;
    role["values"] = role["values"].get<int64_t>() + tensor.num_elements();
    role["bytes"] = role["bytes"].get<int64_t>() + tensor.num_bytes;
  }
  return roles;
}

std::string roles_text(const Json& roles) {
  TextTable table({"role", ">tensors", ">values", ">size"});
  for (const auto& role : roles) {
    table.add({role["role"], role["tensors"].dump(), role["values"].dump(), human_bytes(role["bytes"].get<double>())});
  }
  return table.text();
}

Json describe_totals(const Json& tensors) {
  Json totals = {{"tensors", tensors.size()}, {"values", 0}, {"bytes", 0}, {"non_finite", 0}, {"missing", 0}};
  for (const auto& tensor : tensors) {
    const auto shape = tensor["shape"].get<std::vector<int64_t>>();
    totals["values"] = totals["values"].get<int64_t>() + c10::multiply_integers(shape);
    for (const char* key : {"bytes", "non_finite", "missing"}) {
      totals[key] = totals[key].get<int64_t>() + tensor[key].get<int64_t>();
    }
  }
  return totals;
}

std::string totals_text(const Json& totals) {
  const auto missing = totals["missing"].get<int64_t>();
  return fmt::format("{} tensors, {} values, {}, {} not finite{}\n", totals["tensors"].get<int64_t>(),
                     totals["values"].get<int64_t>(), human_bytes(totals["bytes"].get<double>()),
                     totals["non_finite"].get<int64_t>(), missing > 0 ? fmt::format(", {} missing", missing) : "");
}

std::string shape_text(const Json& shape) {
  return fmt::format("[{}]", fmt::join(shape.get<std::vector<int64_t>>(), ", "));
}

std::string number_text(const Json& number) {
  return number.is_null() ? "-" : fmt::format("{:.3g}", number.get<double>());
}

}  // namespace fgm
