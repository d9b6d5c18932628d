#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fgm {

// Sees every field of a config section once: its key ("optimizer.lr"), its value and one line of help.
// Parsing, defaults, printing and --help are visitors over the same table, so they cannot disagree.
class FieldVisitor {
 public:
  virtual ~FieldVisitor() = default;
  virtual void field(std::string_view key, bool& value, std::string_view help) = 0;
  virtual void field(std::string_view key, int64_t& value, std::string_view help) = 0;
  virtual void field(std::string_view key, double& value, std::string_view help) = 0;
  virtual void field(std::string_view key, std::string& value, std::string_view help) = 0;
  virtual void field(std::string_view key, std::vector<int64_t>& value, std::string_view help) = 0;

  // An enumeration whose enumerators are 0, 1, 2, ... in the order of `names`.
  template <typename Enum>
  void choice(std::string_view key, Enum& value, std::initializer_list<std::string_view> names, std::string_view help) {
    auto index = static_cast<size_t>(value);
    choice_index(key, index, std::span(names.begin(), names.size()), help);
    value = static_cast<Enum>(index);
  }

 protected:
  virtual void choice_index(std::string_view key, size_t& index, std::span<const std::string_view> names,
                            std::string_view help) = 0;
};

}  // namespace fgm
