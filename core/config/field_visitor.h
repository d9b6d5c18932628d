#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fgm {

// Whether a run may resume from a checkpoint whose config has another value of a key.
enum class OnResume {
  kRefuse,           // it would not be the same run
  kRefuseZeroOrNot,  // refused where one value is 0, or lists differ past the first: state would be missing or surplus
  kWarn,             // allowed, and may have been meant
  kIgnore,           // of no consequence for what the run computes
};

struct FieldNotes {
  std::string_view help;  // one line
  OnResume on_resume;
};

// Sees every field of a config section once: its key ("optimizer.lr"), its value and its notes.
// Parsing, defaults, printing, --help and the rules of resuming are visitors over the same table, so they cannot
// disagree.
class FieldVisitor {
 public:
  virtual ~FieldVisitor() = default;

  // A bool, int64_t, double, string, or list of int64_t or double. What nobody has thought about is refused on
  // resuming.
  template <typename Value>
  void field(std::string_view key, Value& value, std::string_view help, OnResume on_resume = OnResume::kRefuse) {
    see(key, value, {help, on_resume});
  }

  // An enumeration whose enumerators are 0, 1, 2, ... in the order of `names`.
  template <typename Enum>
  void choice(std::string_view key, Enum& value, std::initializer_list<std::string_view> names, std::string_view help,
              OnResume on_resume = OnResume::kRefuse) {
    auto index = static_cast<size_t>(value);
    see_choice(key, index, std::span(names.begin(), names.size()), {help, on_resume});
    value = static_cast<Enum>(index);
  }

 protected:
  virtual void see(std::string_view key, bool& value, const FieldNotes& notes) = 0;
  virtual void see(std::string_view key, int64_t& value, const FieldNotes& notes) = 0;
  virtual void see(std::string_view key, double& value, const FieldNotes& notes) = 0;
  virtual void see(std::string_view key, std::string& value, const FieldNotes& notes) = 0;
  virtual void see(std::string_view key, std::vector<int64_t>& value, const FieldNotes& notes) = 0;
  virtual void see(std::string_view key, std::vector<double>& value, const FieldNotes& notes) = 0;
  virtual void see_choice(std::string_view key, size_t& index, std::span<const std::string_view> names,
                          const FieldNotes& notes) = 0;
};

}  // namespace fgm
