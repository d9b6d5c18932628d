#pragma once

#include <string>
#include <vector>

#include "core/config/field_visitor.h"
#include "core/config/ini.h"

// Parsing, printing and describing anything that has visit(FieldVisitor&): a whole Config or one section.
namespace fgm {

// One key as --help shows it.
struct FieldInfo {
  std::string key;
  std::string value;    // as INI text
  std::string choices;  // "auto, cpu, cuda"; empty where the type alone says what may stand
  std::string help;
  OnResume on_resume;
};

namespace detail {

// Gives the field named by a setting its value; ConfigError when the text is not of the field's type.
class FieldSetter final : public FieldVisitor {
 public:
  explicit FieldSetter(const Setting& setting) : setting_(setting) {}
  // ConfigError suggesting the nearest key when no field had the setting's.
  void require_found() const;

 private:
  void see(std::string_view key, bool& value, const FieldNotes& notes) override;
  void see(std::string_view key, int64_t& value, const FieldNotes& notes) override;
  void see(std::string_view key, double& value, const FieldNotes& notes) override;
  void see(std::string_view key, std::string& value, const FieldNotes& notes) override;
  void see(std::string_view key, std::vector<int64_t>& value, const FieldNotes& notes) override;
  void see(std::string_view key, std::vector<double>& value, const FieldNotes& notes) override;
  void see_choice(std::string_view key, size_t& index, std::span<const std::string_view> names,
                  const FieldNotes& notes) override;
  bool is_named(std::string_view key);
  template <typename Number>
  Number number_in(const std::string& text, std::string_view kind) const;
  template <typename Number>
  void see_list(std::string_view key, std::vector<Number>& value, std::string_view kind);
  [[noreturn]] void fail(std::string_view problem) const;

  const Setting& setting_;
  std::vector<std::string> keys_;
  bool is_found_ = false;
};

class FieldLister final : public FieldVisitor {
 public:
  std::vector<FieldInfo> fields;

 private:
  void see(std::string_view key, bool& value, const FieldNotes& notes) override;
  void see(std::string_view key, int64_t& value, const FieldNotes& notes) override;
  void see(std::string_view key, double& value, const FieldNotes& notes) override;
  void see(std::string_view key, std::string& value, const FieldNotes& notes) override;
  void see(std::string_view key, std::vector<int64_t>& value, const FieldNotes& notes) override;
  void see(std::string_view key, std::vector<double>& value, const FieldNotes& notes) override;
  void see_choice(std::string_view key, size_t& index, std::span<const std::string_view> names,
                  const FieldNotes& notes) override;
  void add(std::string_view key, std::string value, const FieldNotes& notes, std::string choices = "");
};

std::string print_ini(const std::vector<FieldInfo>& fields);

}  // namespace detail

// Parses and assigns one value. ConfigError, with the setting's place in front:
//   "optimizer.lr = 'fast' is not a number", "unknown key 'optimizer.lrr'; did you mean 'optimizer.lr'?"
template <typename Section>
void set(Section& section, const Setting& setting) {
  detail::FieldSetter setter(setting);
  section.visit(setter);
  setter.require_found();
}

// Every field in the order of visit().
template <typename Section>
std::vector<FieldInfo> list_fields(Section section) {
  detail::FieldLister lister;
  section.visit(lister);
  return std::move(lister.fields);
}

// INI text with every key, below its "[section]"; apply_ini() gives the same values again, bit for bit.
template <typename Section>
std::string to_ini(const Section& section) {
  return detail::print_ini(list_fields(section));
}

// Assigns every setting of INI text; keys that it leaves out keep their values. `name` is the text's, for errors.
template <typename Section>
void apply_ini(Section& section, std::string_view text, const std::string& name) {
  for (const auto& setting : parse_ini(text, name)) set(section, setting);
}

}  // namespace fgm
