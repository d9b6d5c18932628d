#pragma once

#include <string>
#include <vector>

#include "launch/cli/command.h"

namespace fgm {

// "fgm --help": every sub-command in a line.
std::string program_help(const std::vector<Command>& commands);

// "fgm train --help": its flags, and the keys of its config sections with their defaults.
std::string command_help(const Command& command);

}  // namespace fgm
