#pragma once

#include <vector>

#include "launch/cli/command.h"

namespace fgm {

// Every sub-command, in the order of --help. One file each; a new one is a function here and a line in all_commands().
std::vector<Command> all_commands();

Command train_command();
Command distill_command();
Command encode_command();
Command sample_command();
Command pairs_command();
Command eval_command();
Command forward_command();
Command export_command();
Command data_shapes_command();
Command data_pack_command();
Command data_prompts_command();
Command data_idx_command();
Command data_cifar10_command();
Command data_embeddings_command();
Command data_latents_command();
Command data_info_command();
Command data_verify_command();
Command data_merge_command();
Command data_bench_command();
Command inspect_command();
Command report_command();

}  // namespace fgm
