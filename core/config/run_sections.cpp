// [run], [mesh], [parallel], [data] and [text]: where a run lives, how ranks share it, what it reads.
#include <set>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/config/sections.h"

namespace fgm {

void RunConfig::visit(FieldVisitor& v) {
  v.field("run.dir", dir, "folder of the run: config, metrics, samples, weights", OnResume::kIgnore);
  v.field("run.seed", seed, "seed of every random stream");
  v.choice("run.device", device, {"auto", "cpu", "cuda"}, "where tensors live", OnResume::kIgnore);
  v.field("run.threads", threads, "CPU threads of each rank; 0 = OMP_NUM_THREADS, else cores / ranks of the host",
          OnResume::kIgnore);
  v.field("run.log_every", log_every, "steps between plain progress lines", OnResume::kIgnore);
  v.field("run.save_every", save_every, "steps between checkpoints; 0 = only at the end", OnResume::kIgnore);
  v.field("run.sample_every", sample_every, "steps between sample grids; 0 = never", OnResume::kIgnore);
  v.field("run.eval_every", eval_every, "steps between scores of held-out captions; 0 = never", OnResume::kIgnore);
  v.field("run.eval_reference", eval_reference, "store of the held-out captions and images that eval_every scores",
          OnResume::kIgnore);
  v.field("run.keep", keep, "checkpoints kept; 0 = all", OnResume::kIgnore);
  v.field("run.resume", resume, "auto = from the run's newest whole checkpoint, never, or a checkpoint's folder",
          OnResume::kIgnore);
}

void RunConfig::validate() const {
  require<ConfigError>(seed >= 0, "run.seed = {} is negative", seed);
  require<ConfigError>(threads >= 0,
                       "run.threads = {} is negative; 0 takes OMP_NUM_THREADS, or cores / ranks of the host", threads);
  require<ConfigError>(log_every >= 1, "run.log_every = {} is not at least 1", log_every);
  require<ConfigError>(save_every >= 0, "run.save_every = {} is negative; 0 saves only at the end", save_every);
  require<ConfigError>(sample_every >= 0, "run.sample_every = {} is negative; 0 draws no samples", sample_every);
  require<ConfigError>(eval_every >= 0, "run.eval_every = {} is negative; 0 never scores", eval_every);
  require<ConfigError>(eval_every == 0 || !eval_reference.empty(),
                       "run.eval_every = {} needs run.eval_reference, a store of held-out captions and images",
                       eval_every);
  require<ConfigError>(keep >= 0, "run.keep = {} is negative; 0 keeps every checkpoint", keep);
  require<ConfigError>(!resume.empty(), "run.resume is empty; give auto, never or a checkpoint's folder");
}

void MeshConfig::visit(FieldVisitor& v) {
  v.field("mesh.shard", shard, "ranks that share one copy of the networks; 0 = all ranks", OnResume::kIgnore);
}

void MeshConfig::validate() const {
  require<ConfigError>(shard >= 0, "mesh.shard = {} is negative; 0 shares one copy among all ranks", shard);
}

void ParallelConfig::visit(FieldVisitor& v) {
  v.field("parallel.recompute", recompute, "keep no activations inside a block: less memory, one more forward",
          OnResume::kIgnore);
}

void ParallelConfig::validate() const {}

void DataConfig::visit(FieldVisitor& v) {
  v.field("data.store", store,
          "HDF5 store of captions and images, or several: a.h5, b-*.h5, c.h5:0.3 (its part of the samples), or an "
          "index S.json",
          OnResume::kIgnore);
  v.field("data.prefetch", prefetch, "batches read ahead; 0 = read when asked", OnResume::kIgnore);
  v.field("data.max_bad", max_bad, "damaged records of which a run takes the next ones instead; one more is an error",
          OnResume::kIgnore);
}

void DataConfig::validate() const {
  require<ConfigError>(prefetch >= 0, "data.prefetch = {} is negative; 0 reads no batch ahead", prefetch);
  require<ConfigError>(max_bad >= 0, "data.max_bad = {} is negative; 0 makes the first damaged record an error",
                       max_bad);
}

std::vector<std::string> TextConfig::label_names() const {
  return split(labels, ',');
}

std::vector<std::string> TextConfig::stores() const {
  return split(store, ',');
}

void TextConfig::visit(FieldVisitor& v) {
  v.field("text.labels", labels, "captions that are classes, comma-separated; empty = captions are words");
  v.field("text.store", store, "embeddings that `fgm encode` made, which captions are looked up in; comma-separated",
          OnResume::kIgnore);
  v.field("text.model", model,
          "Stable Diffusion 3's text encoders, which encode captions as they come; in place of a store",
          OnResume::kIgnore);
  v.field("text.encoders", encoders, "digest of the encoders of text.store or text.model, which set it");
  v.field("text.num_tokens", num_tokens, "words of a caption that the model sees");
  v.field("text.context_width", context_width, "width of each word's embedding");
  v.field("text.pooled_width", pooled_width, "width of the whole caption's embedding");
}

void TextConfig::validate() const {
  require<ConfigError>(num_tokens >= 1, "text.num_tokens = {} is not at least 1", num_tokens);
  require<ConfigError>(context_width >= 1, "text.context_width = {} is not at least 1", context_width);
  require<ConfigError>(pooled_width >= 1, "text.pooled_width = {} is not at least 1", pooled_width);
  const auto names = label_names();
  require<ConfigError>(names.empty() || std::ssize(names) == pooled_width,
                       "text.labels names {} classes, and text.pooled_width = {} must be as many", names.size(),
                       pooled_width);
  require<ConfigError>(std::set<std::string>(names.begin(), names.end()).size() == names.size(),
                       "text.labels names a class twice: {}", labels);
  require<ConfigError>(names.empty() || !has_embeddings(),
                       "text.labels and text.{} are both set; captions are either classes or prompts to encode",
                       store.empty() ? "model" : "store");
  require<ConfigError>(store.empty() || model.empty(),
                       "text.store and text.model are both set; embeddings come from one of them");
  require<ConfigError>(store.empty() || !stores().empty(), "text.store = '{}' names no file", store);
  require<ConfigError>(
      encoders.empty() || has_embeddings(),
      "text.encoders = {} has neither text.store nor text.model; give a store that these encoders made", encoders);
}

}  // namespace fgm
