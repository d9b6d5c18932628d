#include "launch/cli/help.h"

#include <algorithm>

#include "core/config/fields.h"
#include "launch/cli/command_line.h"

namespace fgm {
namespace {

constexpr size_t kNameColumn = 34;

std::string row(const std::string& name, const std::string& help) {
  return fmt::format("  {:<{}}  {}\n", name, kNameColumn, help);
}

std::string flag_row(const Flag& flag) {
  return row("--" + flag.name + (flag.value_name.empty() ? "" : " " + flag.value_name), flag.help);
}

std::string flag_rows(const Command& command) {
  std::string text;
  for (const auto& flag : command.flags) text += flag_row(flag);
  text += row("--config FILE", "INI file with any of the keys; flags win over it");
  for (const auto& flag : common_flags()) text += flag_row(flag);
  text += row("--json", "print JSON where there is a report");
  text += row("--dry-run", "check what the start checks before its first step, run nothing");
  text += row("--print-config", "print the whole config and leave");
  return text;
}

std::string key_help(const FieldInfo& field) {
  return field.choices.empty() ? field.help : fmt::format("{} ({})", field.help, field.choices);
}

}  // namespace

std::string program_help(const std::vector<Command>& commands) {
  std::string text =
      "fgm distils a many-step flow-matching model into a one-step generator.\n\n"
      "usage: fgm COMMAND [--config FILE] [--flag value ...] [--section.key value ...]\n\ncommands\n";
  for (const auto& command : commands) text += row(command.name, command.help);
  text += "\n'fgm COMMAND --help' lists a command's flags and config keys; 'fgm --version' prints the version.\n";
  return text;
}

std::string command_help(const Command& command) {
  const std::string argument = command.argument.empty() ? "" : " " + command.argument;
  std::string text = fmt::format("usage: fgm {}{} [--flag value ...] [--section.key value ...]\n\n{}\n\nflags\n",
                                 command.name, argument, command.help);
  text += flag_rows(command);
  const auto reads = [&](const std::string& section) {
    return std::ranges::find(command.sections, section) != command.sections.end();
  };
  const auto key_rows = [&](const auto& of_config) {
    for (const auto& field : list_fields(of_config)) {
      const bool is_read = reads(field.key.substr(0, field.key.find('.')));
      if (is_read) text += row("--" + field.key + " " + field.value, key_help(field));
    }
  };
  if (!command.sections.empty()) text += "\nconfig keys and their defaults\n";
  key_rows(Config());
  if (!reads("model")) return text;
  text += "\nthe model's keys behind --model.kind unet\n";
  key_rows(ModelConfig(UNetConfig()));
  return text;
}

}  // namespace fgm
