#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "launch/inspect/snapshot.h"

namespace fgm {

// [{name, role, shape, dtype, bytes, mean, std, non_finite, missing}]: reads every tensor.
nlohmann::ordered_json describe_tensors(const std::vector<SnapshotTensor>& tensors);
// What describe_tensors() returned as one table for each role.
std::string tensors_text(const nlohmann::ordered_json& tensors);

// [{role, tensors, values, bytes}]: reads no tensor.
nlohmann::ordered_json describe_roles(const std::vector<SnapshotTensor>& tensors);
std::string roles_text(const nlohmann::ordered_json& roles);

// {tensors, values, bytes, non_finite, missing} of what describe_tensors() returned.
nlohmann::ordered_json describe_totals(const nlohmann::ordered_json& tensors);
std::string totals_text(const nlohmann::ordered_json& totals);

// "[3, 4]" and "1.23e-05" or "-" for null.
std::string shape_text(const nlohmann::ordered_json& shape);
std::string number_text(const nlohmann::ordered_json& number);

}  // namespace fgm
