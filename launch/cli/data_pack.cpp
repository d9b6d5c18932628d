#include <spdlog/spdlog.h>

#include "core/base/error.h"
#include "core/config/fields.h"
#include "core/io/output_path.h"
#include "data/import/image_folder.h"
#include "data/store/store.h"
#include "launch/cli/commands.h"
#include "launch/cli/output.h"
#include "launch/job/start_checks.h"
#include "launch/runtime/environment.h"
#include "launch/runtime/signals.h"
#include "launch/runtime/threads.h"

namespace fgm {
namespace {

// The flags of this command as one section, so that they are parsed and refused like every config key.
struct PackFlags {
  std::string images;
  std::string captions = "folder";
  int64_t resolution = 32;
  std::string out;

  void visit(FieldVisitor& v) {
    v.field("--images", images, "");
    v.field("--captions", captions, "");
    v.field("--resolution", resolution, "");
    v.field("--out", out, "");
  }
  void validate() const {
    require<ConfigError>(!images.empty(), "'fgm data pack' needs --images DIR");
    require<ConfigError>(!out.empty(), "'fgm data pack' needs --out FILE");
    require<ConfigError>(resolution >= 1, "--resolution = {} is not at least 1", resolution);
    require<ConfigError>(captions == "folder" || captions == "file", "--captions = '{}' is not one of folder, file",
                         captions);
  }
};

// Such a store is as good as another; but the training on it will want to know.
void warn_of_long_captions(const std::string& out, const TextConfig& text) {
  try {
    check_captions(Store(out).prompts(), text, out, /*is_fixed=*/false);
  } catch (const ConfigError& error) {
    spdlog::warn("`fgm train` will refuse {}", error.what());
  }
}

int pack(const Invocation& invocation) {
  PackFlags flags;
  for (const auto& [name, value] : invocation.flags) set(flags, {"--" + name, value, ""});
  flags.validate();
  require<IoError>(std::filesystem::is_directory(flags.images), "--images '{}' is not a folder", flags.images);
  check_output_file(flags.out);
  const StopSignals signals;
  const PackOptions options{
      .images = flags.images,
      .captions = flags.captions,
      .resolution = flags.resolution,
      .out = flags.out,
      .num_threads = choose_threads(0, read_environment().omp_num_threads, own_cores()).num_threads,
      .should_stop = [&] { return signals.requested() != 0; }};
  if (invocation.is_dry_run) {
    check_pack(options);
    return kExitDone;
  }
  use_threads(1);  // within an image: each thread has images of its own
  const PackReport report = pack_images(options);
  warn_of_long_captions(flags.out, invocation.config.text);
  if (invocation.is_json) {
    print_json({{"out", flags.out},
                {"written", report.written},
                {"changed", report.changed},
                {"skipped", report.skipped},
                {"left_out", report.left_out},
                {"notes", report.notes}});
    return kExitDone;
  }
  for (const auto& remark : report.notes) print_out(fmt::format("{}\n", remark));
  for (const auto& image : report.skipped) print_out(fmt::format("skipped {}\n", image));
  print_out(fmt::format("{}: {}\n", flags.out, report.summary()));
  return kExitDone;
}

}  // namespace

Command data_pack_command() {
  return {.name = "data pack",
          .help = "writes a folder of photographs and their captions into a store",
          .run = pack,
          .sections = {"text"},
          .flags = {{"images", "DIR", "folder of images, one sub-folder for each kind of thing"},
                    {"captions", "folder|file", "\"a photo of a <folder>\", or the .txt beside each image"},
                    {"resolution", "N", "pixels on one side after the crop; 32 unless given"},
                    {"out", "FILE", "the store to write"}}};
}

}  // namespace fgm
