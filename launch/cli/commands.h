#pragma once

#include <vector>

#include "launch/cli/command.h"

namespace fgm {

// Every sub-command, in the order of --help. One file each; a new one is a function here and a line in
// all_commands().
std::vector<Command> all_commands();

Command data_pack_command();
Command inspect_command();

}  // namespace fgm
