#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>
#include <unordered_set>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/text.h"
#include "core/base/version.h"
#include "core/io/lock_file.h"
#include "core/io/output_path.h"
#include "core/io/safetensors.h"
#include "data/import/prompt_list.h"
#include "launch/cli/commands.h"
#include "launch/cli/encode_images.h"
#include "launch/cli/output.h"
#include "launch/job/memory_needs.h"
#include "launch/text/encode_prompts.h"
#include "launch/text/sd3_text_encoder.h"
#include "parallel/comm/control_collectives.h"
#include "parallel/comm/self_communicator.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

std::string name_of(at::ScalarType dtype) {
  const auto has_dtype = [&](const auto& entry) { return entry.second == dtype; };
  return std::ranges::find_if(kStoreDtypes, has_dtype)->first;
}

// Large matrix products on a GPU, and few minutes' work on a CPU between two loads of T5.
constexpr int64_t kPromptsOnGpu = 64, kBatchesOnGpu = 64, kPromptsOnCpu = 8, kBatchesOnCpu = 8;

// What the user asked for.
struct EncodeRequest {
  std::string text, prompts, column;
  fs::path out;
  Sd3TextOptions options;
  at::ScalarType dtype;

  bool is_store() const { return out.extension() != ".safetensors"; }
};

EncodeRequest request_of(const Flags& flags) {
  EncodeRequest request{.text = flags.text("text"),
                        .prompts = flags.text("prompts"),
                        .column = flags.text("column"),
                        .out = flags.text("out"),
                        .options = {.t5_tokens = flags.whole_number("t5-tokens", Sd3TextOptions().t5_tokens),
                                    .with_t5 = !flags.has("no-t5")},
                        .dtype = flags.choice<at::ScalarType>("dtype", kStoreDtypes, at::kBFloat16)};
  require<ConfigError>(is_file_name(request.out, {".h5", ".safetensors"}),
                       "--out {}: a store ends in .h5, a file to compare with others in .safetensors",
                       request.out.string());
  require<ConfigError>(request.is_store() || !flags.has("dtype"),
                       "--dtype is of a store; --out {} has float32, whatever the encoders' weights are",
                       request.out.string());
  return request;
}

// Each once, in the order of the list, and at the end the empty one, which guidance needs.
std::vector<std::string> distinct(const std::vector<std::string>& prompts) {
  std::vector<std::string> kept;
  std::unordered_set<std::string_view> seen = {""};
  for (const auto& prompt : prompts) {
    if (seen.insert(prompt).second) kept.push_back(prompt);
  }
  kept.emplace_back();
  return kept;
}

// The dtype that the encoders compute in: the store's on a GPU; on a CPU, where 16 bits are slow, float32.
at::ScalarType compute_dtype(const EncodeRequest& request, at::Device device) {
  return device.is_cpu() || !request.is_store() ? at::kFloat : request.dtype;
}

// What the ranks of this host hold when each has the largest encoder whole.
double bytes_of_whole(const Sd3Text& text, at::ScalarType dtype, World& world) {
  return std::ranges::max(bytes_of_encoders(text.encoders(), dtype)) * static_cast<double>(world.num_on_host());
}

// Whether every rank can hold the largest encoder whole: half of its host's memory for all ranks there. A GPU's is not
// asked. Hosts differ, and all ranks must agree on the axis that they share encoders on. Collective.
bool fits_whole(const Sd3Text& text, at::ScalarType dtype, World& world) {
  if (!world.device().is_cpu()) return world.size() == 1;
  const auto lacks_memory =
      at::full({1}, bytes_of_whole(text, dtype, world) > memory_limit().bytes / 2 ? 1 : 0, at::kInt);
  world.control().all_reduce(lacks_memory, Reduce::kMax).wait();
  return lacks_memory.item<int>() == 0;
}

nlohmann::json provenance_of(const EncodeRequest& request, const Sd3Text& text, at::ScalarType compute) {
  return {{"tool", "fgm encode"},
          {"version", version()},
          {"text", request.text},
          {"compute", name_of(compute)},
          {"encoders", text.identity()}};
}

int encode_to_store(const EncodeRequest& request, const Sd3Text& text, const std::vector<std::string>& prompts,
                    bool is_mesh_given, World& world) {
  require_same_lines(world.control(),
                     fmt::format("--text = {}\nprompts = {}", request.text, digest_texts(prompts).hex()));
  const auto compute = compute_dtype(request, world.device());
  const auto alone = make_self_communicator(world.device());
  const bool is_whole = !is_mesh_given && fits_whole(text, compute, world);
  Communicator& axis = is_whole ? *alone : world.mesh().shard();
  const bool is_cpu = world.device().is_cpu();
  if (is_cpu) {
    require_memory({{"--text", request.text, bytes_of_whole(text, compute, world) / static_cast<double>(axis.size())}});
  }
  std::optional<LockFile> lock;
  on_first_rank(world.control(), [&] {
    lock.emplace(request.out);
    EmbeddingWriter::prepare(request.out, {.prompts = prompts,
                                           .shape = text.shape(),
                                           .dtype = request.dtype,
                                           .provenance = provenance_of(request, text, compute)});
  });
  if (world.is_first()) {
    spdlog::info("{}: {} prompts; encoders in {}, {}", request.out.string(), prompts.size(), name_of(compute),
                 axis.size() == 1 ? "whole on each rank" : fmt::format("each on {} ranks", axis.size()));
  }
  const EncodeOptions options{.compute = compute,
                              .batch = is_cpu ? kPromptsOnCpu : kPromptsOnGpu,
                              .batches_at_once = is_cpu ? kBatchesOnCpu : kBatchesOnGpu};
  const bool is_done = encode_prompts(text, prompts, EmbeddingWriter(request.out), options, axis, world);
  world.control().barrier();  // Every rank has written and closed the file, which rank 0 now reads.
  if (!is_done) {
    if (world.is_first()) {
      spdlog::error("interrupted; the same command goes on with {}", EmbeddingWriter::partial_of(request.out).string());
    }
    return kExitRequeue;
  }
  on_first_rank(world.control(), [&] { EmbeddingWriter::finish(request.out); });
  if (world.is_first()) spdlog::info("{} prompts are in {}", prompts.size(), request.out.string());
  return kExitDone;
}

// Everything that the prompts become, in their order, to compare it with another implementation.
int encode_to_file(const EncodeRequest& request, Sd3Text text, const std::vector<std::string>& prompts, World& world) {
  if (world.device().is_cpu()) {
    const auto bytes = bytes_of_encoders(text.encoders(), at::kFloat);
    require_memory({{"--text", request.text, std::accumulate(bytes.begin(), bytes.end(), 0.0)}});
  }
  const Sd3Ids ids = text.ids(prompts);
  std::vector<NamedTensor> tensors = {{"ids.clip_l", ids.clip_l}, {"ids.clip_g", ids.clip_g}};
  if (ids.t5.defined()) tensors.push_back({"ids.t5", ids.t5});
  const auto condition = Sd3TextEncoder(std::move(text), at::kFloat, world.device()).encode(prompts);
  tensors.push_back({"context", condition.context_BLJ});
  tensors.push_back({"pooled", condition.pooled_BP});
  make_folder_of(request.out);
  write_safetensors(request.out, tensors);
  spdlog::info("{} prompts are in {}: context {}", prompts.size(), request.out.string(),
               fmt::join(condition.context_BLJ.sizes(), " x "));
  return kExitDone;
}

void print_plan(const EncodeRequest& request, const Sd3Text& text, size_t num_prompts) {
  const EmbeddingShape& shape = text.shape();
  const auto values =
      static_cast<double>(shape.clip_tokens * shape.clip_width +
                          (shape.t5_width > 0 ? shape.t5_tokens * shape.t5_width : 0) + shape.pooled_width);
  const double bytes = values * static_cast<double>(c10::elementSize(request.dtype));
  print_out(fmt::format("{} distinct prompts of {} + {} tokens, context {} wide: {} each, {} in all\n", num_prompts,
                        shape.clip_tokens, shape.t5_tokens, shape.context_width, human_bytes(bytes),
                        human_bytes(bytes * static_cast<double>(num_prompts))));
}

int encode_on(World& world, const Invocation& invocation, const EncodeRequest& request) {
  require<ConfigError>(request.is_store() || world.size() == 1, "--out {} is written by one process; start one",
                       request.out.string());
  on_first_rank(world.control(), [&] {
    check_output_file(request.out);
    check_not_replaced(request.out, "--prompts", request.prompts);
  });
  Sd3Text text(request.text, request.options);
  require<ConfigError>(text.encoders().t5 || !request.options.with_t5,
                       "{} brings no T5 encoder; give one, or --no-t5 for zeros in its place, as diffusers puts them",
                       request.text);
  const auto listed = read_prompts(request.prompts, request.column);
  const auto prompts = request.is_store() ? distinct(listed) : listed;
  on_first_rank(world.control(),
                [&] { warn_of_cut(text.find_cut(prompts, [&] { return world.has_stop_signal(); }), prompts.size()); });
  if (invocation.is_dry_run) {
    if (world.is_first()) print_plan(request, text, prompts.size());
    return kExitDone;
  }
  if (!request.is_store()) return encode_to_file(request, std::move(text), prompts, world);
  return encode_to_store(request, text, prompts, invocation.given_keys.contains("mesh.shard"), world);
}

// Requires the flags of either use of the command, and none of the other's. Returns whether images are encoded.
bool is_of_images(const Flags& flags) {
  constexpr std::array kOfText = {"text", "prompts", "t5-tokens", "no-t5"};
  constexpr std::array kOfImages = {"vae",      "images",     "resolution", "buckets",
                                    "captions", "max-pixels", "max-bad",    "sample"};
  const bool has_vae = flags.has("vae");
  const std::string own = has_vae ? "vae" : "text", needed = has_vae ? "images" : "prompts";
  require<ConfigError>(flags.has(own),
                       "give --text and --prompts to encode prompts, --vae and --images to encode images");
  require<ConfigError>(flags.has(needed), "--{} is not given; --{} needs it", needed, own);
  const auto refuse = [&](const auto& others) {
    for (const char* flag : others) {
      require<ConfigError>(!flags.has(flag), "--{} does not go with --{}", flag, own);
    }
  };
  has_vae ? refuse(kOfText) : refuse(kOfImages);
  return has_vae;
}

int encode(const Invocation& invocation) {
  const bool is_of_vae = is_of_images(invocation.flags);
  std::optional<EncodeRequest> request;
  if (!is_of_vae) request = request_of(invocation.flags);
  World world(invocation.config);
  const int code = is_of_vae ? encode_images_on(world, invocation) : encode_on(world, invocation, *request);
  world.close();
  return code;
}

}  // namespace

Command encode_command() {
  return {
      .name = "encode",
      .help = "writes what Stable Diffusion 3's encoders make of prompts or images into a store, to train on",
      .run = encode,
      .sections = {"run", "mesh"},
      .flags = {{"text", "PATH",
                 "encode prompts: a diffusers pipeline's folder, a single file that brings text encoders, or "
                 "clip_l=FILE,clip_g=FILE,t5=FILE"},
                {"prompts", "FILE", "the prompts: .txt, .jsonl, .json, .csv, .tsv, or a store"},
                {"t5-tokens", "N", "tokens of T5; 77 unless given, and at most what the network was trained with"},
                {"no-t5", "", "zeros in place of T5's rows, as of a pipeline that was loaded without it"},
                {"vae", "PATH", "encode images: a pipeline's folder, or a file that brings an autoencoder"},
                {"images", "PATH", "the images: a folder or archives as of `fgm data pack`, or stores a.h5,b.h5"},
                {"resolution", "N", "images are N x N pixels, or as many in all; 512 unless given"},
                {"buckets", "", "sizes of aspect ratios from 1:2 to 2:1; without it the centre square"},
                {"sample", "", "one sample of each latent, of run.seed, in place of mean and log-variance"},
                {"captions", "folder|file|json|metadata", "of the images, as of `fgm data pack`"},
                {"max-pixels", "N", "larger images are skipped before they are decoded; 2^28 unless given"},
                {"max-bad", "N", "images that may be unusable, each of them named; 1000 unless given"},
                {"column", "NAME",
                 "of prompts or captions; without it prompt, caption or text, whichever there is first"},
                required_flag("out", "FILE",
                              "the store (.h5); of prompts also a .safetensors file of ids, context and pooled vectors "
                              "in float32"),
                {"dtype", "D", "of the store: fp32, bf16 (prompts, unless given) or fp16 (images)"}},
      .is_parallel = true};
}

}  // namespace fgm
