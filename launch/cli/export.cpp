#include <spdlog/spdlog.h>

#include <charconv>
#include <filesystem>
#include <set>

#include "core/base/error.h"
#include "core/io/output_path.h"
#include "launch/cli/commands.h"
#include "launch/cli/output.h"
#include "launch/weights/export_files.h"

namespace fgm {
namespace {

// `fallback` when the flag was not given; ConfigError listing the choices when it is none of them.
template <typename T>
T choice(const Invocation& invocation, const std::string& name, const std::map<std::string, T>& choices, T fallback) {
  const auto flag = invocation.flags.find(name);
  if (flag == invocation.flags.end()) return fallback;
  const auto chosen = choices.find(flag->second);
  std::vector<std::string> names;
  for (const auto& [known, value] : choices) names.push_back(known);
  require<ConfigError>(chosen != choices.end(), "--{} = '{}' is not one of {}", name, flag->second,
                       fmt::join(names, ", "));
  return chosen->second;
}

// What --format says, else what the name of --out does. ConfigError where the two do not go together.
Naming naming(const Invocation& invocation, const std::filesystem::path& out) {
  static const std::set<std::string> kFileEndings = {".safetensors", ".sft"};  // ComfyUI lists files by these
  static const std::set<std::string> kOthersEndings = {".bin", ".ckpt", ".gguf", ".onnx", ".pt", ".pth"};
  const auto ending = out.extension().string();
  const bool is_file = kFileEndings.contains(ending);
  require<ConfigError>(!kOthersEndings.contains(ending),
                       "--out {}: fgm writes safetensors; give a name that ends in .safetensors, or a folder",
                       out.string());
  const auto chosen =
      choice<Naming>(invocation, "format", {{"diffusers", Naming::kDiffusers}, {"single-file", Naming::kStability}},
                     is_file ? Naming::kStability : Naming::kDiffusers);
  require<ConfigError>(chosen == Naming::kStability || !is_file,
                       "--out {} is the name of a file, and --format diffusers writes a folder; give another name, or "
                       "--format single-file",
                       out.string());
  require<ConfigError>(chosen == Naming::kDiffusers || is_file,
                       "--out {}: the name of a single file ends in .safetensors, or its readers do not find it",
                       out.string());
  return chosen;
}

std::vector<std::string> roles(const Invocation& invocation) {
  const auto flag = invocation.flags.find("role");
  if (flag == invocation.flags.end()) return {"student_ema", "student", "teacher_ema", "teacher"};
  if (flag->second == "ema") return {"student_ema", "teacher_ema"};
  return {flag->second};
}

uint64_t max_shard_bytes(const Invocation& invocation) {
  const auto flag = invocation.flags.find("max-shard-size");
  if (flag == invocation.flags.end()) return ExportOptions().max_shard_bytes;
  double gigabytes = 0.0;
  const char* const end = flag->second.data() + flag->second.size();
  const auto parsed = std::from_chars(flag->second.data(), end, gigabytes);
  require<ConfigError>(parsed.ec == std::errc() && parsed.ptr == end && gigabytes > 0.0,
                       "--max-shard-size = '{}' is no number of gigabytes above 0", flag->second);
  return static_cast<uint64_t>(gigabytes * 1e9);
}

int run_export(const Invocation& invocation) {
  const auto out = invocation.flags.find("out");
  require<ConfigError>(out != invocation.flags.end(), "'fgm export' needs --out");
  const ExportOptions options{
      .naming = naming(invocation, out->second),
      .dtype = choice<std::optional<at::ScalarType>>(
          invocation, "dtype", {{"fp32", at::kFloat}, {"fp16", at::kHalf}, {"bf16", at::kBFloat16}}, std::nullopt),
      .max_shard_bytes = max_shard_bytes(invocation)};
  options.naming == Naming::kDiffusers ? check_output_folder(out->second) : check_output_file(out->second);
  const Digests digests = invocation.is_dry_run ? Digests::kIgnored : Digests::kCompared;
  const OpenWeights weights = open_weights(find_weights(invocation.argument, roles(invocation), digests));
  if (invocation.is_dry_run) {
    check_export(weights, out->second, options);
    return kExitDone;
  }

  std::vector<std::string> files;
  for (const auto& path : export_weights(weights, out->second, options)) files.push_back(path.string());
  spdlog::info("{}, step {}", weights.source->place(), weights.info.step);
  if (invocation.is_json) {
    print_json({{"role", weights.info.role}, {"step", weights.info.step}, {"files", files}});
  } else {
    print_out(fmt::format("{}\n", fmt::join(files, "\n")));
  }
  return kExitDone;
}

}  // namespace

Command export_command() {
  return {.name = "export",
          .help = "writes a network as diffusers or ComfyUI read it, from a checkpoint or Stable Diffusion 3 weights",
          .run = run_export,
          .flags = {{"format", "NAME",
                     "diffusers (a folder) or single-file (Stability's names); default: the latter where --out ends in "
                     ".safetensors"},
                    {"dtype", "NAME", "fp32, fp16 or bf16; default: as stored"},
                    {"role", "NAME",
                     "student, ema, teacher, ...; default: the first of student_ema, student, "
                     "teacher_ema, teacher"},
                    {"max-shard-size", "GB", "largest file of a diffusers folder, in 10^9 bytes; default 5"},
                    {"out", "PATH", "the folder or file to write"}},
          .argument = "CHECKPOINT"};
}

}  // namespace fgm
