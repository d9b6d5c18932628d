#include "launch/text/encode_prompts.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <optional>

#include "launch/text/encode_progress.h"
#include "launch/weights/frozen_text_encoder.h"

namespace fgm {
namespace {

// The batches that have a record which is not written yet: the same on all ranks, each of which looks at its share.
std::vector<int64_t> remaining_batches(const EmbeddingWriter& writer, int64_t num_prompts, int64_t batch,
                                       World& world) {
  const int64_t num_batches = (num_prompts + batch - 1) / batch;
  const auto is_wanted = at::zeros({num_batches}, at::kInt);
  const int64_t share = (num_batches + world.size() - 1) / world.size();
  const int64_t begin = std::min(num_prompts, world.rank() * share * batch);
  const int64_t end = std::min(num_prompts, (world.rank() + 1) * share * batch);
  for (const int64_t record : writer.remaining(begin, end)) is_wanted[record / batch] = 1;
  world.control().all_reduce(is_wanted, Reduce::kMax).wait();
  std::vector<int64_t> batches;
  for (int64_t i = 0; i < num_batches; ++i) {
    if (is_wanted[i].item<int>() != 0) batches.push_back(i);
  }
  return batches;
}

// One batch of this rank, or none where the others have one more.
struct Turn {
  std::vector<int64_t> records;  // empty: none
  Sd3Ids ids;                    // of whole batches; undefined where there is nothing to do
  EmbeddingRows rows;
};

class PromptEncoding {
 public:
  PromptEncoding(const Sd3Text& text, std::span<const std::string> prompts, const EmbeddingWriter& writer,
                 const EncodeOptions& options, Communicator& shard_axis, World& world)
      : text_(text), prompts_(prompts), writer_(writer), options_(options), shard_axis_(shard_axis), world_(world) {}

  bool run() {
    const at::NoGradGuard no_grad;
    const auto batches = remaining_batches(writer_, std::ssize(prompts_), options_.batch, world_);
    EncodeProgress progress("prompts", std::ssize(prompts_), num_prompts_in(batches));
    const int64_t at_once = options_.batches_at_once * world_.size();
    for (int64_t first = 0; first < std::ssize(batches); first += at_once) {
      const auto count = static_cast<size_t>(std::min(at_once, std::ssize(batches) - first));
      const auto round = std::span(batches).subspan(static_cast<size_t>(first), count);
      auto turns = deal(round);
      if (!encode(turns)) return false;
      if (world_.is_first()) progress.add(num_prompts_in(round));
    }
    return true;
  }

 private:
  // The first prompt of a batch, and the one behind its last.
  std::pair<int64_t, int64_t> bounds(int64_t batch) const {
    return {batch * options_.batch, std::min((batch + 1) * options_.batch, std::ssize(prompts_))};
  }
  int64_t num_prompts_in(std::span<const int64_t> batches) const {
    int64_t count = 0;
    for (const int64_t batch : batches) count += bounds(batch).second - bounds(batch).first;
    return count;
  }

  // This rank's turns of a round in which `batches` are encoded.
  std::vector<Turn> deal(std::span<const int64_t> batches) const {
    const auto num_ranks = static_cast<size_t>(world_.size());
    std::vector<Turn> turns((batches.size() + num_ranks - 1) / num_ranks);
    for (size_t i = 0; i < turns.size(); ++i) {
      const size_t mine = i * num_ranks + static_cast<size_t>(world_.rank());
      if (mine < batches.size()) {
        fill(turns[i], batches[mine]);
      } else if (shard_axis_.size() > 1) {
        turns[i].ids = ids_of_batch(batches[0]);  // the others need this rank's shards
      }
    }
    return turns;
  }

  void fill(Turn& turn, int64_t batch) const {
    const auto [begin, end] = bounds(batch);
    turn.records.resize(static_cast<size_t>(end - begin));
    std::iota(turn.records.begin(), turn.records.end(), begin);
    turn.ids = ids_of_batch(batch);
  }

  Sd3Ids ids_of_batch(int64_t batch) const {
    const auto [begin, end] = bounds(batch);
    std::vector<std::string> prompts(prompts_.begin() + begin, prompts_.begin() + end);
    prompts.resize(static_cast<size_t>(options_.batch));  // a processor's kernels may round a row by the batch's size
    return text_.ids(prompts);
  }

  // Takes one encoder through all turns. False when a signal stopped it.
  template <typename Encoder, typename Files, typename Take>
  bool for_each_turn(const Files& files, std::vector<Turn>& turns, at::Tensor Sd3Ids::*ids, const Take& take) {
    FrozenTextEncoder<Encoder> encoder(files, options_.compute, shard_axis_);
    for (auto& turn : turns) {
      if (world_.is_stopping()) return false;
      if (!(turn.ids.*ids).defined()) continue;
      const auto output = encoder.encode(turn.ids.*ids);
      if (!turn.records.empty()) take(turn, output);
    }
    return true;
  }

  // The turn's rows of an encoder's output, on the CPU.
  static at::Tensor rows_of(const at::Tensor& output, const Turn& turn) {
    return output.narrow(0, 0, std::ssize(turn.records)).cpu();
  }

  bool encode(std::vector<Turn>& turns) {
    const auto& files = text_.encoders();
    const auto write = [&](Turn& turn) {
      writer_.write(turn.records, turn.rows);
      turn.rows = {};
    };
    const bool has_clip_l =
        for_each_turn<ClipTextEncoder>(files.clip_l, turns, &Sd3Ids::clip_l, [&](Turn& turn, const ClipText& clip) {
          turn.rows = {.clip = rows_of(clip.hidden_NLW, turn), .t5 = {}, .pooled = rows_of(clip.pooled_NP, turn)};
        });
    if (!has_clip_l) return false;
    const bool has_clip_g =
        for_each_turn<ClipTextEncoder>(files.clip_g, turns, &Sd3Ids::clip_g, [&](Turn& turn, const ClipText& clip) {
          turn.rows.clip = at::cat({turn.rows.clip, rows_of(clip.hidden_NLW, turn)}, -1);
          turn.rows.pooled = at::cat({turn.rows.pooled, rows_of(clip.pooled_NP, turn)}, -1);
          if (!files.t5) write(turn);
        });
    if (!has_clip_g) return false;
    if (!files.t5) return true;
    return for_each_turn<T5Encoder>(*files.t5, turns, &Sd3Ids::t5, [&](Turn& turn, const at::Tensor& t5_NTJ) {
      turn.rows.t5 = rows_of(t5_NTJ, turn);
      write(turn);
    });
  }

  const Sd3Text& text_;
  std::span<const std::string> prompts_;
  const EmbeddingWriter& writer_;
  EncodeOptions options_;
  Communicator& shard_axis_;
  World& world_;
};

}  // namespace

bool encode_prompts(const Sd3Text& text, std::span<const std::string> prompts, const EmbeddingWriter& writer,
                    const EncodeOptions& options, Communicator& shard_axis, World& world) {
  return PromptEncoding(text, prompts, writer, options, shard_axis, world).run();
}

}  // namespace fgm
