#include "core/config/fields.h"

#include <cmath>

#include "core/base/error.h"
#include "core/base/number.h"
#include "core/base/text.h"

namespace fgm::detail {

bool FieldSetter::is_named(std::string_view key) {
  keys_.emplace_back(key);
  is_found_ = is_found_ || key == setting_.key;
  return key == setting_.key;
}

void FieldSetter::fail(std::string_view problem) const {
  const std::string place = setting_.place.empty() ? "" : setting_.place + ": ";
  throw ConfigError(fmt::format("{}{} = '{}' {}", place, setting_.key, printable(setting_.value), problem));
}

template <typename Number>
Number FieldSetter::number_in(const std::string& text, std::string_view kind) const {
  Number number{};
  const auto error = parse_number(text, number);
  if (error == std::errc::result_out_of_range) fail("is out of range");
  if (error != std::errc()) fail(fmt::format("is not a {}{}", kind, non_ascii_note(text)));
  if (std::is_floating_point_v<Number> && !std::isfinite(static_cast<double>(number))) fail("is not a finite number");
  return number;
}

template <typename Number>
void FieldSetter::see_list(std::string_view key, std::vector<Number>& value, std::string_view kind) {
  if (!is_named(key)) return;
  value.clear();
  for (const auto& item : split(setting_.value, ',')) value.push_back(number_in<Number>(item, kind));
}

void FieldSetter::see(std::string_view key, bool& value, const FieldNotes&) {
  if (!is_named(key)) return;
  const bool is_either = setting_.value == "true" || setting_.value == "false";
  if (!is_either) fail("is not true or false" + non_ascii_note(setting_.value));
  value = setting_.value == "true";
}

void FieldSetter::see(std::string_view key, int64_t& value, const FieldNotes&) {
  if (is_named(key)) value = number_in<int64_t>(setting_.value, "whole number");
}

void FieldSetter::see(std::string_view key, double& value, const FieldNotes&) {
  if (is_named(key)) value = number_in<double>(setting_.value, "number");
}

void FieldSetter::see(std::string_view key, std::string& value, const FieldNotes&) {
  if (!is_named(key)) return;
  // Otherwise the printed config would not read back as what it was.
  if (setting_.value.find('#') != std::string::npos) fail("holds '#', which begins a comment in a config file");
  if (setting_.value.find_first_of("\r\n") != std::string::npos) fail("holds a line break");
  if (!is_utf8(setting_.value)) fail("is not UTF-8, as names in checkpoints and reports must be; rename it");
  value = trim(setting_.value);
  if (const auto slip = slip_at_ends(value); !slip.empty()) fail(slip + "; type it again");
}

void FieldSetter::see(std::string_view key, std::vector<int64_t>& value, const FieldNotes&) {
  see_list(key, value, "comma-separated list of whole numbers");
}

void FieldSetter::see(std::string_view key, std::vector<double>& value, const FieldNotes&) {
  see_list(key, value, "comma-separated list of numbers");
}

void FieldSetter::see_choice(std::string_view key, size_t& index, std::span<const std::string_view> names,
                             const FieldNotes&) {
  if (!is_named(key)) return;
  const auto found = std::find(names.begin(), names.end(), setting_.value);
  if (found == names.end()) {
    fail(fmt::format("is not one of {}{}", fmt::join(names, ", "), non_ascii_note(setting_.value)));
  }
  index = static_cast<size_t>(found - names.begin());
}

void FieldSetter::require_found() const {
  if (is_found_) return;
  const auto near = nearest(setting_.key, keys_);
  throw ConfigError(fmt::format("{}unknown key '{}'{}{}", setting_.place.empty() ? "" : setting_.place + ": ",
                                setting_.key, non_ascii_note(setting_.key),
                                near ? fmt::format("; did you mean '{}'?", *near) : ""));
}

void FieldLister::add(std::string_view key, std::string value, const FieldNotes& notes, std::string choices) {
  fields.push_back({std::string(key), std::move(value), std::move(choices), std::string(notes.help), notes.on_resume});
}

void FieldLister::see(std::string_view key, bool& value, const FieldNotes& notes) {
  add(key, value ? "true" : "false", notes, "true, false");
}

void FieldLister::see(std::string_view key, int64_t& value, const FieldNotes& notes) {
  add(key, fmt::to_string(value), notes);
}

void FieldLister::see(std::string_view key, double& value, const FieldNotes& notes) {
  // fmt prints the shortest text that reads back as the same double.
  add(key, fmt::format("{}", value), notes);
}

void FieldLister::see(std::string_view key, std::string& value, const FieldNotes& notes) {
  add(key, value, notes);
}

void FieldLister::see(std::string_view key, std::vector<int64_t>& value, const FieldNotes& notes) {
  add(key, fmt::format("{}", fmt::join(value, ",")), notes);
}

void FieldLister::see(std::string_view key, std::vector<double>& value, const FieldNotes& notes) {
  add(key, fmt::format("{}", fmt::join(value, ",")), notes);
}

void FieldLister::see_choice(std::string_view key, size_t& index, std::span<const std::string_view> names,
                             const FieldNotes& notes) {
  add(key, std::string(names[index]), notes, fmt::format("{}", fmt::join(names, ", ")));
}

std::string print_ini(const std::vector<FieldInfo>& fields) {
  std::string text;
  std::string open_section;
  for (const auto& field : fields) {
    const size_t dot = field.key.find('.');
    const std::string section = field.key.substr(0, dot);
    if (section != open_section) text += fmt::format("{}[{}]\n", text.empty() ? "" : "\n", section);
    open_section = section;
    const std::string separator = field.value.empty() ? " =" : " = ";
    text += field.key.substr(dot + 1) + separator + field.value + "\n";
  }
  return text;
}

}  // namespace fgm::detail
