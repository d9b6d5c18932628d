#include "launch/cli/commands.h"

namespace fgm {

std::vector<Command> all_commands() {
  return {train_command(),       distill_command(),   sample_command(), eval_command(),
          data_shapes_command(), data_pack_command(), inspect_command(), forward_command(), export_command()};
}

}  // namespace fgm
