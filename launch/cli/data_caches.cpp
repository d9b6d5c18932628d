#include <spdlog/spdlog.h>

#include "core/base/error.h"
#include "core/base/version.h"
#include "core/formats/sd3_files.h"
#include "core/io/output_path.h"
#include "data/import/import_cache.h"
#include "data/store/embedding_store.h"
#include "launch/cli/commands.h"
#include "launch/cli/encode_images.h"
#include "launch/cli/output.h"
#include "launch/weights/decoder.h"

namespace fgm {
namespace {

constexpr int64_t kMaxBadCaches = 100;

CacheOptions cache_options(const Flags& flags, at::ScalarType dtype, const std::string& tool) {
  CacheOptions options{.from = flags.text("from"),
                       .out = flags.text("out"),
                       .dtype = flags.choice<at::ScalarType>("dtype", kStoreDtypes, dtype),
                       .max_bad = flags.whole_number("max-bad", kMaxBadCaches),
                       .provenance = {{"tool", tool}, {"version", version()}, {"commit", version_commit()}}};
  require<ConfigError>(is_file_name(options.out, {".h5"}), "--out {}: a store ends in .h5", options.out.string());
  require<ConfigError>(options.max_bad >= 0, "--max-bad = {} is negative; 0 makes each bad file an error",
                       options.max_bad);
  check_output_file(options.out);
  return options;
}

int print_cache_report(const CacheOptions& options, const CacheReport& report, bool is_json) {
  if (is_json) {
    print_json({{"out", options.out.string()},
                {"written", report.written},
                {"repeated", report.repeated},
                {"compared", report.compared},
                {"skipped", report.skipped}});
    return kExitDone;
  }
  for (const auto& file : report.skipped) print_out(fmt::format("skipped {}\n", file));
  print_out(fmt::format("{}: {} records written, {} files skipped\n", options.out.string(), report.written,
                        report.skipped.size()));
  return kExitDone;
}

int import_cached_embeddings(const Invocation& invocation) {
  const auto options = cache_options(invocation.flags, at::kBFloat16, "fgm data embeddings");
  const auto like = invocation.flags.text("like");
  if (invocation.is_dry_run) {
    if (!like.empty()) EmbeddingStore{like};
    print_out(fmt::format("{} files to read\n", count_cached_embeddings(options.from)));
    return kExitDone;
  }
  const auto report = import_embeddings(options, like);
  if (report.repeated > 0) spdlog::info("{} prompts came more than once; the first is kept", report.repeated);
  if (like.empty()) {
    spdlog::warn(
        "whose encoders made these embeddings is not known: weights that are trained with {} take no embeddings of "
        "others; --like STORE says whose they are, and compares them",
        options.out.string());
  } else if (report.compared == 0) {
    spdlog::warn("no prompt of {} is in {}: that its encoders made them is taken on trust", options.from.string(),
                 like);
  } else {
    spdlog::info("{} prompts agree with {}", report.compared, like);
  }
  return print_cache_report(options, report, invocation.is_json);
}

int import_cached_latents(const Invocation& invocation) {
  auto options = cache_options(invocation.flags, at::kHalf, "fgm data latents");
  const auto path = invocation.flags.text("vae");
  const Sd3Vae vae = open_sd3_vae(path);
  if (invocation.is_dry_run) {
    print_out(fmt::format("{} files to read\n", count_cached_latents(options.from)));
    return kExitDone;
  }
  options.provenance["weights"] = path;
  options.provenance["vae"] = vae_identity(vae);
  LatentInfo info;
  info.channels = vae.config.latent_channels;
  info.downscale = vae.config.downscale();
  return print_cache_report(options, import_latents(options, info), invocation.is_json);
}

std::vector<Flag> cache_flags(const std::string& files, const std::string& dtype) {
  return {required_flag("from", "PATH", "a folder of " + files + " of sd-scripts or of .pt files, or one .pt file"),
          required_flag("out", "FILE", "the store to write"),
          {"dtype", "D", "of the store: fp32, bf16 or fp16; " + dtype + " unless given"},
          {"max-bad", "N", "files that may be unusable, each of them named; 100 unless given"}};
}

}  // namespace

Command data_embeddings_command() {
  auto flags = cache_flags("*_sd3_te.npz", "bf16");
  flags.push_back({"like", "STORE",
                   "by `fgm encode --text` of the same encoders: says whose the embeddings are, and gives the empty "
                   "prompt where they lack it"});
  return {.name = "data embeddings",
          .help = "writes prompts' embeddings that sd-scripts or torch.save() has cached into a store, for text.store",
          .run = import_cached_embeddings,
          .flags = std::move(flags)};
}

Command data_latents_command() {
  auto flags = cache_flags("*_sd3.npz", "fp16");
  flags.push_back(required_flag("vae", "PATH", "the autoencoder that made them"));
  return {.name = "data latents",
          .help = "writes latents that sd-scripts or torch.save() has cached into a store, to train on",
          .run = import_cached_latents,
          .flags = std::move(flags)};
}

}  // namespace fgm
