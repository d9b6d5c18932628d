#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace fgm {

// The flags of a sub-command's own that the user gave. The parser has refused those that it does not know and missed
// those that are required (launch/cli/command.h).
class Flags {
 public:
  void set(const std::string& name, const std::string& value) { values_[name] = value; }

  bool has(const std::string& name) const { return values_.contains(name); }
  // The flag's value, or `fallback` where it was not given. ConfigError naming flag and value when it is of another
  // type, or none of the choices.
  std::string text(const std::string& name, const std::string& fallback = "") const;
  int64_t whole_number(const std::string& name, int64_t fallback) const;
  double number(const std::string& name, double fallback) const;
  template <typename T>
  T choice(const std::string& name, const std::map<std::string, T>& choices, T fallback) const {
    if (!has(name)) return fallback;
    std::vector<std::string> names;
    for (const auto& [known, value] : choices) names.push_back(known);
    require_one_of(name, names);
    return choices.at(values_.at(name));
  }

 private:
  void require_one_of(const std::string& name, const std::vector<std::string>& names) const;

  std::map<std::string, std::string> values_;
};

}  // namespace fgm
