#include <filesystem>

#include "core/base/error.h"
#include "core/eval/shapes/dataset.h"
#include "core/io/output_path.h"
#include "data/store/store.h"
#include "launch/cli/commands.h"
#include "launch/cli/output.h"

namespace fgm {
namespace {

void write_split(const ShapesConfig& config, shapes::Split split, const std::string& path, bool is_dry_run) {
  const bool is_held_out = split == shapes::Split::kHeldOut;
  const int64_t count = is_held_out ? config.held_out_count : config.count;
  const auto scenes =
      shapes::make_shapes(config.resolution, is_dry_run ? 0 : count, static_cast<uint64_t>(config.seed), split);
  if (is_dry_run) return;
  write_store(path, {.kind = "images",
                     .provenance = {{"source", "fgm data shapes"},
                                    {"split", is_held_out ? "held_out" : "train"},
                                    {"resolution", config.resolution},
                                    {"seed", config.seed}},
                     .prompts = scenes.prompts,
                     .images_NHWC = scenes.images_NHWC});
  print_out(fmt::format("{}: {} captioned scenes of {} px\n", path, count, config.resolution));
}

// Whether two names are those of one file, which need not be there yet.
bool is_same_file(const std::filesystem::path& one, const std::filesystem::path& other) {
  const auto place = [](const auto& path) {
    return std::filesystem::weakly_canonical(std::filesystem::absolute(path));
  };
  return place(one) == place(other);
}

int make_shapes(const Invocation& invocation) {
  const std::string out = invocation.flags.text("out"), held_out = invocation.flags.text("held-out");
  const ShapesConfig& config = invocation.config.shapes;
  const bool has_held_out = invocation.flags.has("held-out");
  check_output_file(out);
  if (has_held_out) {
    check_output_file(held_out);
    require<ConfigError>(!is_same_file(out, held_out),
                         "--out and --held-out both name {}, and one would overwrite the other; give two files", out);
  }
  write_split(config, shapes::Split::kTrain, out, invocation.is_dry_run);
  if (has_held_out) write_split(config, shapes::Split::kHeldOut, held_out, invocation.is_dry_run);
  return kExitDone;
}

}  // namespace

Command data_shapes_command() {
  return {.name = "data shapes",
          .help = "draws captioned scenes of simple shapes into a store, and held-out ones into another",
          .run = make_shapes,
          .sections = {"shapes"},
          .flags = {required_flag("out", "FILE", "the store of training scenes to write"),
                    {"held-out", "FILE", "the store of scenes with held-out captions to write"}}};
}

}  // namespace fgm
