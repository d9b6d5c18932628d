#include "launch/cli/flags.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "core/base/error.h"
#include "core/config/fields.h"

namespace fgm {
namespace {

// A section of one key, so that a flag's value is parsed and refused like a config key's.
template <typename Value>
struct OneKey {
  std::string key;
  Value value;
  void visit(FieldVisitor& v) { v.field(key, value, ""); }
};

template <typename Value>
Value parse(const std::string& name, const std::string& text) {
  OneKey<Value> section{"--" + name, {}};
  set(section, {section.key, text, ""});
  return section.value;
}

}  // namespace

std::string Flags::text(const std::string& name, const std::string& fallback) const {
  return has(name) ? values_.at(name) : fallback;
}

int64_t Flags::whole_number(const std::string& name, int64_t fallback) const {
  return has(name) ? parse<int64_t>(name, values_.at(name)) : fallback;
}

double Flags::number(const std::string& name, double fallback) const {
  return has(name) ? parse<double>(name, values_.at(name)) : fallback;
}

void Flags::require_one_of(const std::string& name, const std::vector<std::string>& names) const {
  const std::string& value = values_.at(name);
  require<ConfigError>(std::ranges::find(names, value) != names.end(), "--{} = '{}' is not one of {}", name, value,
                       fmt::join(names, ", "));
}

}  // namespace fgm
