#include "launch/inspect/tensor_pairs.h"

#include <map>
#include <set>

#include "core/base/error.h"

namespace fgm {
namespace {

using Key = std::pair<std::string, std::string>;  // role and name
using Index = std::map<Key, const SnapshotTensor*>;

std::set<std::string> roles_of(const Snapshot& snapshot) {
  std::set<std::string> roles;
  for (const auto& tensor : snapshot.tensors) roles.insert(tensor.role);
  return roles;
}

// The roles of `side` that have a counterpart in `other`.
std::set<std::string> compared_roles(const Snapshot& side, const Snapshot& other) {
  const auto roles = roles_of(side), others = roles_of(other);
  if (!std::filesystem::is_regular_file(other.path) || others.empty() || roles.size() <= 1) return roles;
  const std::string& role = *others.begin();
  require<ConfigError>(roles.contains(role), "{} is of role {}, and {} holds only {}; name one of its files instead",
                       other.path.string(), role, side.path.string(), fmt::join(roles, ", "));
  return {role};
}

std::vector<const SnapshotTensor*> tensors_of(const Snapshot& snapshot, const std::set<std::string>& roles) {
  std::vector<const SnapshotTensor*> tensors;
  for (const auto& tensor : snapshot.tensors) {
    if (roles.contains(tensor.role)) tensors.push_back(&tensor);
  }
  return tensors;
}

}  // namespace

TensorPairs pair_tensors(const Snapshot& a, const Snapshot& b) {
  const auto roles_a = compared_roles(a, b), roles_b = compared_roles(b, a);
  const bool do_roles_count = roles_a.size() > 1 || roles_b.size() > 1;
  const auto key = [&](const SnapshotTensor& tensor) { return Key(do_roles_count ? tensor.role : "", tensor.name); };
  Index rest;
  const auto tensors_b = tensors_of(b, roles_b);
  for (const auto* tensor : tensors_b) rest.emplace(key(*tensor), tensor);
  TensorPairs pairs;
  for (const auto* tensor : tensors_of(a, roles_a)) {
    const auto counterpart = rest.extract(key(*tensor));
    if (counterpart) {
      pairs.both.emplace_back(tensor, counterpart.mapped());
    } else {
      pairs.only_in_a.push_back(tensor);
    }
  }
  for (const auto* tensor : tensors_b) {
    if (rest.contains(key(*tensor))) pairs.only_in_b.push_back(tensor);
  }
  return pairs;
}

}  // namespace fgm
