#include <spdlog/spdlog.h>

#include "core/base/error.h"
#include "data/import/pack_images.h"
#include "data/store/store.h"
#include "launch/cli/commands.h"
#include "launch/cli/output.h"
#include "launch/cli/pack_options.h"
#include "launch/runtime/environment.h"
#include "launch/runtime/signals.h"
#include "launch/runtime/threads.h"
#include "launch/text/text_encoder.h"

namespace fgm {
namespace {

// A store may hold captions of any length, but `fgm train` with this [text] will not take them.
void warn_of_long_captions(const std::string& out, const TextConfig& text) {
  try {
    check_captions(Store(out), text, out, /*is_fixed=*/false);
  } catch (const ConfigError& error) {
    spdlog::warn("`fgm train` will refuse {}", error.what());
  }
}

int pack(const Invocation& invocation) {
  PackOptions options = pack_options(invocation.flags);
  const std::string out = options.out.string();
  const StopSignals signals;
  options.should_stop = [&] { return signals.requested() != 0; };
  if (invocation.is_dry_run) {
    check_pack(options);
    return kExitDone;
  }
  use_threads(1);  // within an image: each thread has images of its own
  const PackReport report = pack_images(options);
  warn_of_long_captions(out, invocation.config.text);
  if (invocation.is_json) {
    print_json({{"out", out},
                {"written", report.written},
                {"changed", report.changed},
                {"skipped", report.skipped},
                {"left_out", report.left_out},
                {"notes", report.notes}});
    return kExitDone;
  }
  for (const auto& remark : report.notes) print_out(fmt::format("{}\n", remark));
  for (const auto& image : report.skipped) print_out(fmt::format("skipped {}\n", image));
  print_out(fmt::format("{}: {}\n", out, report.summary()));
  return kExitDone;
}

}  // namespace

PackOptions pack_options(const Flags& flags) {
  const PackOptions defaults;
  const std::string images = flags.text("images");
  return {.images = images,
          .captions = flags.choice<CaptionSource>(
              "captions",
              {{"folder", CaptionSource::kFolder},
               {"file", CaptionSource::kFile},
               {"json", CaptionSource::kJson},
               {"metadata", CaptionSource::kMetadata}},
              std::filesystem::is_directory(images) ? CaptionSource::kFolder : CaptionSource::kFile),
          .resolution = flags.whole_number("resolution", defaults.resolution),
          .out = flags.text("out"),
          .num_threads = choose_threads(0, read_environment().omp_num_threads, own_cores()).num_threads,
          .column = flags.text("column"),
          .max_pixels = flags.whole_number("max-pixels", defaults.max_pixels),
          .max_bad = flags.whole_number("max-bad", defaults.max_bad)};
}

Command data_pack_command() {
  return {
      .name = "data pack",
      .help = "writes photographs and their captions, of a folder or of tar and zip files, into a store",
      .run = pack,
      .sections = {"text"},
      .flags = {required_flag("images", "PATH", "a folder, a tar or zip file, or a pattern of such files in quotes"),
                {"captions", "folder|file|json|metadata",
                 "\"a photo of a <folder>\", the .txt or .json beside each image, or a metadata.jsonl; a folder's "
                 "are folder, an archive's file, unless given"},
                {"column", "NAME", "of captions in JSON; without it prompt, caption or text"},
                {"resolution", "N", "pixels on one side after the crop; 32 unless given"},
                {"max-pixels", "N", "larger images are skipped before they are decoded; 2^28 unless given"},
                {"max-bad", "N", "images that may be unusable, each of them named; 1000 unless given"},
                required_flag("out", "FILE", "the store to write")}};
}

}  // namespace fgm
