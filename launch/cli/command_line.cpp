#include "launch/cli/command_line.h"

#include <algorithm>
#include <array>
#include <boost/program_options.hpp>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/config/fields.h"

namespace fgm {
namespace {

namespace po = boost::program_options;

std::vector<Flag> own_and_common_flags(const Command& command) {
  std::vector<Flag> flags = command.flags;
  std::ranges::copy(common_flags(), std::back_inserter(flags));
  return flags;
}

po::options_description describe_options(const Command& command) {
  po::options_description options;
  for (const char* name : {"help", "json", "dry-run", "print-config"}) options.add_options()(name, "");
  options.add_options()("config", po::value<std::string>());
  for (const auto& flag : own_and_common_flags(command)) {
    if (flag.value_name.empty()) {
      options.add_options()(flag.name.c_str(), "");
    } else {
      options.add_options()(flag.name.c_str(), po::value<std::string>());
    }
  }
  for (const ModelKind kind : {ModelKind::kMMDiT, ModelKind::kUNet}) {
    Config config;
    config.model.kind = kind;
    for (const auto& field : list_fields(config)) {
      const bool is_new = options.find_nothrow(field.key, /*approx=*/false) == nullptr;
      if (is_new) options.add_options()(field.key.c_str(), po::value<std::string>());
    }
  }
  return options;
}

[[noreturn]] void throw_unknown(const std::string& token, const po::options_description& options) {
  const std::string flag = token.substr(0, token.find('='));
  const bool is_key = flag.find('.') != std::string::npos;
  std::vector<std::string> known;
  for (const auto& option : options.options()) known.push_back((is_key ? "" : "--") + option->long_name());
  const std::string word = is_key ? flag.substr(flag.find_first_not_of('-')) : flag;
  const auto near = nearest(word, known);
  throw ConfigError(fmt::format("unknown {} '{}'{}{}", is_key ? "key" : "flag", word, non_ascii_note(word),
                                near ? fmt::format("; did you mean '{}'?", *near) : ""));
}

std::vector<po::option> run_parser(const Command& command, const std::vector<std::string>& args) {
  const auto options = describe_options(command);
  using Style = po::command_line_style::style_t;
  const int style = Style::allow_long | Style::long_allow_adjacent | Style::long_allow_next;
  try {
    return po::command_line_parser(args).options(options).style(style).run().options;
  } catch (const po::unknown_option& error) {
    throw_unknown(error.get_option_name(), options);
  } catch (const po::invalid_command_line_syntax& error) {
    const bool is_surplus = error.kind() == po::invalid_syntax::extra_parameter;
    throw ConfigError(fmt::format("{} {}", error.get_option_name(), is_surplus ? "takes no value" : "needs a value"));
  }
}

std::vector<po::option> split_arguments(const Command& command, const std::vector<std::string>& args) {
  auto options = run_parser(command, args);
  for (const auto& option : options) {
    // The parser takes "--run --json" for a run named "--json"; whoever wants that writes "--run=--json".
    const bool is_next_word = option.original_tokens.size() == 2;
    require<ConfigError>(!is_next_word || !option.original_tokens[1].starts_with("--"), "--{} needs a value",
                         option.string_key);
  }
  return options;
}

// A flag that sets a config key, a key itself, or a flag of the command's own.
void apply_option(const Command& command, const std::string& name, const std::string& value, Invocation& invocation) {
  const auto flags = own_and_common_flags(command);
  const auto flag = std::ranges::find(flags, name, &Flag::name);
  const std::string key = flag == flags.end() ? name : flag->key;
  if (key.empty()) {
    require<ConfigError>(is_utf8(value), "--{} = '{}' is not UTF-8; rename it", name, printable(value));
    invocation.flags.set(name, value);
  } else {
    set(invocation.config, {key, value, ""});
    invocation.given_keys.insert(key);
  }
}

void require_needed(const Command& command, const Invocation& invocation) {
  require<ConfigError>(command.argument.empty() || !invocation.arguments.empty(), "'fgm {}' needs {}", command.name,
                       command.argument);
  for (const auto& flag : command.flags) {
    require<ConfigError>(!flag.is_required || !invocation.flags.text(flag.name).empty(), "'fgm {}' needs --{} {}",
                         command.name, flag.name, flag.value_name);
  }
}

// Word processors and web pages make one long dash of two hyphens.
void check_dashes(const std::string& word) {
  constexpr std::array<std::string_view, 8> kDashes = {"-",      "\u2010", "\u2011", "\u2012",
                                                       "\u2013", "\u2014", "\u2015", "\u2212"};
  std::string_view rest = word;
  for (bool is_dash = true; is_dash;) {
    const auto dash = std::ranges::find_if(kDashes, [&](auto each) { return rest.starts_with(each); });
    is_dash = dash != kDashes.end();
    if (is_dash) rest.remove_prefix(dash->size());
  }
  const auto dashes = std::string_view(word).substr(0, word.size() - rest.size());
  const bool is_flag = !rest.empty() && std::isalpha(static_cast<unsigned char>(rest.front())) != 0;
  require<ConfigError>(!is_flag || non_ascii_note(dashes).empty(),
                       "'{}' begins with a long dash; flags begin with two hyphens: --{}", printable(word), rest);
}

void apply_argument(const Command& command, const std::string& argument, Invocation& invocation) {
  const bool is_wanted =
      command.argument.ends_with("...") || (!command.argument.empty() && invocation.arguments.empty());
  require<ConfigError>(is_wanted, "unexpected argument '{}'{}", argument, non_ascii_note(argument));
  invocation.arguments.push_back(argument);
}

void apply_config_file(const std::vector<po::option>& options, Config& config) {
  for (const auto& option : options) {
    if (option.string_key != "config") continue;
    for (const auto& setting : read_ini(option.value.front())) set(config, setting);
  }
}

}  // namespace

std::vector<Flag> common_flags() {
  return {{"run", "DIR", "folder of the run", "run.dir"},
          {"resume", "auto|PATH|never", "the checkpoint that a run resumes from", "run.resume"},
          {"device", "NAME", "auto, cpu or cuda", "run.device"},
          {"seed", "N", "seed of every random stream", "run.seed"}};
}

CommandMatch find_command(std::span<const std::string> args, const std::vector<Command>& commands) {
  std::vector<std::string> names;
  std::vector<std::string> group;  // the commands whose first word is the user's
  for (const auto& command : commands) {
    if (command.name == args[0]) return {&command, 1};
    if (args.size() > 1 && command.name == args[0] + " " + args[1]) return {&command, 2};
    if (command.name.starts_with(args[0] + " ")) group.push_back(command.name);
    names.push_back(command.name);
  }
  const bool is_group_alone = !group.empty() && args.size() == 1;
  require<ConfigError>(!is_group_alone, "'fgm {}' is one of: {}", args[0], fmt::join(group, ", "));
  const std::string word = group.empty() ? args[0] : args[0] + " " + args[1];
  const auto near = nearest(word, names);
  throw ConfigError(fmt::format("unknown sub-command '{}'{}{} 'fgm --help' lists them", word, non_ascii_note(word),
                                near ? fmt::format("; did you mean '{}'?", *near) : ";"));
}

Request parse_arguments(const Command& command, const std::vector<std::string>& args) {
  Request request;
  request.wants_help = std::ranges::any_of(args, [](const auto& arg) { return arg == "--help" || arg == "-h"; });
  if (request.wants_help) return request;

  for (const auto& word : args) check_dashes(word);
  const auto options = split_arguments(command, args);
  Invocation& invocation = request.invocation;
  apply_config_file(options, invocation.config);
  for (const auto& option : options) {
    const std::string& name = option.string_key;
    if (name == "json") {
      invocation.is_json = true;
    } else if (name == "dry-run") {
      invocation.is_dry_run = true;
    } else if (name == "print-config") {
      request.wants_config = true;
    } else if (name.empty()) {
      apply_argument(command, option.value.front(), invocation);
    } else if (name != "config") {
      apply_option(command, name, option.value.empty() ? "" : option.value.front(), invocation);
    }
  }
  invocation.config.validate();
  if (!request.wants_config) require_needed(command, invocation);
  return request;
}

}  // namespace fgm
