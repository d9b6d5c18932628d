#pragma once

#include <span>
#include <string>
#include <vector>

#include "launch/cli/command.h"

namespace fgm {

// The flags that mean the same for every sub-command and set a config key.
std::vector<Flag> common_flags();

// What a command line asks for, before anything is run.
struct Request {
  bool wants_help = false;
  bool wants_config = false;  // --print-config
  Invocation invocation;
};

// The command that `args` begin with, and how many of them name it ("data pack": 2). ConfigError naming the
// word and the nearest command when there is none.
struct CommandMatch {
  const Command* command;
  size_t num_words;
};
CommandMatch find_command(std::span<const std::string> args, const std::vector<Command>& commands);

// Reads what follows the command's name: --config FILE first, then every flag and --section.key in order, so
// that the last one wins. With --help nothing else is looked at. ConfigError naming the flag, key or value
// that is wrong, and the nearest known one; IoError when the config file cannot be read.
Request parse_arguments(const Command& command, const std::vector<std::string>& args);

}  // namespace fgm
