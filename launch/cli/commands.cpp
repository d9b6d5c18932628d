#include "launch/cli/commands.h"

namespace fgm {

std::vector<Command> all_commands() {
  return {train_command(),        distill_command(),      encode_command(),       sample_command(),
          pairs_command(),        eval_command(),         data_shapes_command(),  data_pack_command(),
          data_idx_command(),     data_cifar10_command(), data_prompts_command(), data_embeddings_command(),
          data_latents_command(), data_info_command(),    data_verify_command(),  data_merge_command(),
          data_bench_command(),   inspect_command(),      report_command(),       forward_command(),
          export_command()};
}

}  // namespace fgm
