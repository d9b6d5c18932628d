#include "launch/cli/commands.h"

namespace fgm {

std::vector<Command> all_commands() {
  return {data_pack_command(), inspect_command()};
}

}  // namespace fgm
