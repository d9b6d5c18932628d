#include <algorithm>
#include <tuple>

#include "core/base/error.h"
#include "launch/inspect/diff_text.h"
#include "launch/inspect/reports.h"
#include "launch/inspect/state.h"
#include "launch/inspect/target.h"
#include "launch/inspect/tensor_pairs.h"
#include "launch/inspect/text_table.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

TensorReader reader_of(const SnapshotTensor& tensor) {
  return {tensor.dtype, [&tensor](int64_t begin, const at::Tensor& out) { tensor.read(begin, out); }};
}

// Why two tensors have no difference in numbers; "" when they have one.
std::string obstacle(const SnapshotTensor& a, const SnapshotTensor& b) {
  if (a.shape != b.shape) return "the shapes differ";
  for (const auto* tensor : {&a, &b}) {
    if (tensor->dtype == at::ScalarType::Undefined) return fmt::format("{} is not read", tensor->dtype_name);
  }
  const int64_t missing = std::max(a.num_missing(), b.num_missing());
  return missing > 0 ? fmt::format("{} elements cannot be read", missing) : "";
}

Json compare(const SnapshotTensor& a, const SnapshotTensor& b) {
  Json row = {{"role", a.role},     {"name", a.name},          {"shape_a", a.shape},
              {"shape_b", b.shape}, {"dtype_a", a.dtype_name}, {"dtype_b", b.dtype_name}};
  const std::string problem = obstacle(a, b);
  if (!problem.empty()) {
    row.update({{"identical", false},
                {"max_abs", nullptr},
                {"max_rel", nullptr},
                {"l2_rel", nullptr},
                {"non_finite", nullptr},
                {"problem", problem}});
    return row;
  }
  const auto difference = tensor_difference(a.num_elements(), reader_of(a), reader_of(b));
  row.update({{"identical", difference.is_identical},
              {"max_abs", difference.max_abs},
              {"max_rel", or_null(difference.max_relative())},
              {"l2_rel", or_null(difference.l2_relative())},
              {"non_finite", difference.num_non_finite},
              {"problem", nullptr}});
  return row;
}

// What cannot be put in numbers comes first, then the largest relative difference; what is identical comes last.
std::tuple<int, double> place_of(const Json& row) {
  if (row["identical"].get<bool>()) return {3, 0.0};
  if (!row["problem"].is_null()) return {0, 0.0};
  if (row["l2_rel"].is_null() || row["non_finite"].get<int64_t>() > 0) return {1, -row["max_abs"].get<double>()};
  return {2, -row["l2_rel"].get<double>()};
}

Json compare_all(const TensorPairs& pairs) {
  std::vector<Json> rows;
  for (const auto& [a, b] : pairs.both) rows.push_back(compare(*a, *b));
  std::ranges::stable_sort(rows, {}, place_of);
  return rows;
}

Json names_of(const std::vector<const SnapshotTensor*>& tensors) {
  Json names = Json::array();
  for (const auto* tensor : tensors) names.push_back({{"role", tensor->role}, {"name", tensor->name}});
  return names;
}

// [{key, a, b}] for each key whose values differ; null where a side lacks it.
template <typename Value>
Json differing_keys(const std::map<std::string, Value>& a, const std::map<std::string, Value>& b) {
  std::map<std::string, Json> sides;
  for (const auto& [key, value] : a) sides[key] = {{"key", key}, {"a", value}, {"b", nullptr}};
  for (const auto& [key, value] : b) {
    sides.try_emplace(key, Json{{"key", key}, {"a", nullptr}});
    sides[key]["b"] = value;
  }
  Json rows = Json::array();
  for (const auto& [key, side] : sides) {
    if (side["a"] != side["b"]) rows.push_back(side);
  }
  return rows;
}

// The training state by keys such as "data.position", without the nonce, which is drawn for each save and says nothing
// of the run.
std::map<std::string, Json> state_values(const Snapshot& snapshot) {
  std::map<std::string, Json> values;
  if (!snapshot.manifest) return values;
  const Json flat = describe_state(*snapshot.manifest).flatten();
  for (const auto& [pointer, value] : flat.items()) {
    std::string key = pointer.substr(1);
    std::ranges::replace(key, '/', '.');
    if (key != "attempt.nonce") values[key] = value;
  }
  return values;
}

// differing_keys() of the configs; empty where a side does not know its config.
Json compare_configs(const Snapshot& a, const Snapshot& b) {
  if (a.config.empty() || b.config.empty()) return Json::array();
  return differing_keys(config_values(a.config), config_values(b.config));
}

Json compare_states(const Snapshot& a, const Snapshot& b) {
  if (!a.manifest || !b.manifest) return Json::array();
  return differing_keys(state_values(a), state_values(b));
}

Json describe_difference(const Snapshot& a, const Snapshot& b) {
  const TensorPairs pairs = pair_tensors(a, b);
  Json tensors = compare_all(pairs);
  const bool is_identical = pairs.only_in_a.empty() && pairs.only_in_b.empty() &&
                            std::ranges::all_of(tensors, [](const Json& row) { return row["identical"].get<bool>(); });
  return {{"format", "diff"},
          {"a", a.path.string()},
          {"b", b.path.string()},
          {"problems_a", a.problems},
          {"problems_b", b.problems},
          {"identical", is_identical},
          {"tensors", std::move(tensors)},
          {"only_in_a", names_of(pairs.only_in_a)},
          {"only_in_b", names_of(pairs.only_in_b)},
          {"config", compare_configs(a, b)},
          {"state", compare_states(a, b)}};
}

}  // namespace

Report report_difference(const fs::path& path_a, const fs::path& path_b) {
  const Snapshot a = open_snapshot(path_a), b = open_snapshot(path_b);
  Json json = describe_difference(a, b);
  std::string text = difference_text(json);
  const bool is_well = json["problems_a"].empty() && json["problems_b"].empty();
  return {std::move(json), std::move(text), is_well};
}

}  // namespace fgm
