#pragma once

#include <span>
#include <string>

#include "data/store/embedding_writer.h"
#include "launch/runtime/world.h"
#include "launch/text/sd3_text.h"

namespace fgm {

struct EncodeOptions {
  at::ScalarType compute = at::kFloat;  // dtype of the encoders' weights and arithmetic
  int64_t batch = 8;                    // prompts that an encoder sees at once; the last ones are filled up
  int64_t batches_at_once = 8;          // of a rank, that one encoder goes through before the next one is loaded
};

// Encodes the prompts whose records `writer` lacks and writes them. The three encoders are loaded one after the other,
// so that memory holds the largest of them, or this rank's shard of it, and the CLIPs' outputs for as many prompts as
// one goes through. Batches are those of the prompts' numbers and dealt to the ranks in turn: the same bits on any
// number of ranks of as many threads, whatever was there before. `shard_axis` holds the encoders: the ranks that share
// them, or this rank alone. False on all ranks when a signal stopped it. Collective over all ranks of `world`, the last
// of which may still write when this returns on another. Errors are those of the encoders' files and of the writer.
bool encode_prompts(const Sd3Text& text, std::span<const std::string> prompts, const EmbeddingWriter& writer,
                    const EncodeOptions& options, Communicator& shard_axis, World& world);

}  // namespace fgm
