#include <spdlog/spdlog.h>

#include <filesystem>
#include <set>

#include "core/base/error.h"
#include "core/io/output_path.h"
#include "core/train/roles.h"
#include "launch/cli/commands.h"
#include "launch/cli/output.h"
#include "launch/weights/export_files.h"

namespace fgm {
namespace {

const std::set<std::string> kSingleFileEndings = {".safetensors", ".sft"};  // ComfyUI lists files by these

// The naming that --format asks for, else the one that the name of --out does. ConfigError where the two do not go
// together.
Naming naming(const Flags& flags, const std::filesystem::path& out) {
  static const std::set<std::string> kOthersEndings = {".bin", ".ckpt", ".gguf", ".onnx", ".pt", ".pth"};
  const auto ending = out.extension().string();
  const bool is_file = is_file_name(out, kSingleFileEndings);
  require<ConfigError>(!kOthersEndings.contains(ending),
                       "--out {}: fgm writes safetensors; give a name that ends in .safetensors, or a folder",
                       out.string());
  const auto chosen =
      flags.choice<Naming>("format", {{"diffusers", Naming::kDiffusers}, {"single-file", Naming::kStability}},
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

std::vector<std::string> roles(const Flags& flags) {
  if (!flags.has("role")) return role::kStudentsThenTeachers;
  const std::string name = flags.text("role");
  if (name.starts_with("ema")) return {"student_" + name, "teacher_" + name};
  return {name};
}

uint64_t max_shard_bytes(const Flags& flags) {
  constexpr double kGigabyte = 1e9;
  const double gigabytes =
      flags.number("max-shard-size", static_cast<double>(ExportOptions().max_shard_bytes) / kGigabyte);
  require<ConfigError>(gigabytes > 0.0, "--max-shard-size = {} is no number of gigabytes above 0", gigabytes);
  return static_cast<uint64_t>(gigabytes * kGigabyte);
}

int run_export(const Invocation& invocation) {
  const Flags& flags = invocation.flags;
  const std::string out = flags.text("out");
  const ExportOptions options{
      .naming = naming(flags, out),
      .dtype = flags.choice<std::optional<at::ScalarType>>(
          "dtype", {{"fp32", at::kFloat}, {"fp16", at::kHalf}, {"bf16", at::kBFloat16}}, std::nullopt),
      .max_shard_bytes = max_shard_bytes(flags)};
  check_output(out, kSingleFileEndings);
  const WeightsPlace found = find_weights(invocation.arguments[0], roles(flags));
  const OpenWeights weights = open_weights(invocation.is_dry_run ? found : verify_weights(found));
  if (invocation.is_dry_run) {
    check_export(weights, out, options);
    return kExitDone;
  }

  std::vector<std::string> files;
  for (const auto& path : export_weights(weights, out, options)) files.push_back(path.string());
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
          .help = "writes a network as diffusers, ComfyUI or a U-Net's authors read it, from a checkpoint or theirs",
          .run = run_export,
          .flags = {{"format", "NAME",
                     "diffusers (a folder) or single-file (Stability's names, or those of a U-Net's authors); default: "
                     "the latter where --out ends in "
                     ".safetensors"},
                    {"dtype", "NAME", "fp32, fp16 or bf16; default: as stored"},
                    {"role", "NAME",
                     "student, ema, ema_0.999, teacher, ...; default: the first of student_ema, student, "
                     "teacher_ema, teacher"},
                    {"max-shard-size", "GB", "largest file of a diffusers folder, in 10^9 bytes; default 5"},
                    required_flag("out", "PATH", "the folder or file to write")},
          .argument = "CHECKPOINT"};
}

}  // namespace fgm
