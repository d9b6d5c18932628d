#include "launch/inspect/diff_text.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/base/error.h"
#include "launch/inspect/tensor_table.h"
#include "launch/inspect/text_table.h"

namespace fgm {
namespace {

using Json = nlohmann::ordered_json;

std::string dtypes_text(const Json& row) {
  const auto a = row["dtype_a"].get<std::string>(), b = row["dtype_b"].get<std::string>();
  return a == b ? a : a + "/" + b;
}

std::string difference_remarks(const Json& row) {
  if (row["shape_a"] != row["shape_b"]) return shape_text(row["shape_a"]) + " and " + shape_text(row["shape_b"]);
  if (!row["problem"].is_null()) return row["problem"].get<std::string>();
  const auto non_finite = row["non_finite"].get<int64_t>();
  return non_finite > 0 ? fmt::format("{} not finite", non_finite) : "";
}

std::string rows_text(const Json& tensors) {
  TextTable table({"role", "tensor", "dtype", ">max |a-b|", ">/ max |a|", ">L2 rel.", ""});
  for (const auto& row : tensors) {
    if (row["identical"].get<bool>()) continue;
    table.add({cell(row["role"]), cell(row["name"]), dtypes_text(row), number_text(row["max_abs"]),
               number_text(row["max_rel"]), number_text(row["l2_rel"]), difference_remarks(row)});
  }
  return table.text();
}

std::set<std::string> roles_of(const Json& rows) {
  std::set<std::string> roles;
  for (const auto& row : rows) roles.insert(row["role"].get<std::string>());
  return roles;
}

// A role of which the other side has nothing is one line.
std::string names_text(const std::string& title, const Json& names, const std::set<std::string>& common_roles) {
  TextTable table({title, ""});
  std::map<std::string, int64_t> whole_roles;
  for (const auto& tensor : names) {
    const auto role = tensor["role"].get<std::string>();
    if (common_roles.contains(role)) {
      table.add({role, tensor["name"].get<std::string>()});
    } else {
      ++whole_roles[role];
    }
  }
  for (const auto& [role, count] : whole_roles) table.add({role, fmt::format("all {} tensors", count)});
  return table.text();
}

std::string problems_text(const std::string& side, const Json& problems) {
  std::string text;
  for (const auto& problem : problems) text += fmt::format("{}: {}\n", side, problem.get<std::string>());
  return text;
}

std::string keys_text(const std::string& title, const Json& rows) {
  TextTable table({title, "a", "b"});
  for (const auto& row : rows) table.add({cell(row["key"]), cell(row["a"]), cell(row["b"])});
  return table.text();
}

std::string summary_text(const Json& report) {
  const Json& tensors = report["tensors"];
  const auto num_both = static_cast<ptrdiff_t>(tensors.size());
  const auto num_same = std::ranges::count_if(tensors, [](const Json& row) { return row["identical"].get<bool>(); });
  if (report["identical"].get<bool>()) return fmt::format("identical: {} tensors, bit for bit\n", num_same);
  return fmt::format("{} of {} tensors differ; {} only in a, {} only in b\n", num_both - num_same, num_both,
                     report["only_in_a"].size(), report["only_in_b"].size());
}

}  // namespace

std::string difference_text(const Json& report) {
  std::string text = fmt::format("a: {}\nb: {}\n", report["a"].get<std::string>(), report["b"].get<std::string>());
  text += problems_text("a", report["problems_a"]) + problems_text("b", report["problems_b"]);
  text += keys_text("state", report["state"]) + keys_text("config", report["config"]);
  const auto common_roles = roles_of(report["tensors"]);
  text += names_text("only in a", report["only_in_a"], common_roles);
  text += names_text("only in b", report["only_in_b"], common_roles);
  return text + rows_text(report["tensors"]) + summary_text(report);
}

}  // namespace fgm
