#include <spdlog/spdlog.h>

#include "core/base/error.h"
#include "data/import/image_folder.h"
#include "data/store/store.h"
#include "launch/cli/commands.h"
#include "launch/cli/output.h"
#include "launch/runtime/environment.h"
#include "launch/runtime/signals.h"
#include "launch/runtime/threads.h"
#include "launch/text/text_encoder.h"

namespace fgm {
namespace {

// A store may hold captions of any length, but `fgm train` with this [text] will not take them.
void warn_of_long_captions(const std::string& out, const TextConfig& text) {
  try {
    check_captions(Store(out).prompts(), text, out, /*is_fixed=*/false);
  } catch (const ConfigError& error) {
    spdlog::warn("`fgm train` will refuse {}", error.what());
  }
}

int pack(const Invocation& invocation) {
  const Flags& flags = invocation.flags;
  const std::string out = flags.text("out");
  const StopSignals signals;
  const PackOptions options{
      .images = flags.text("images"),
      .captions = flags.choice<CaptionSource>(
          "captions", {{"folder", CaptionSource::kFolder}, {"file", CaptionSource::kFile}}, CaptionSource::kFolder),
      .resolution = flags.whole_number("resolution", PackOptions().resolution),
      .out = out,
      .num_threads = choose_threads(0, read_environment().omp_num_threads, own_cores()).num_threads,
      .should_stop = [&] { return signals.requested() != 0; }};
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

Command data_pack_command() {
  return {.name = "data pack",
          .help = "writes a folder of photographs and their captions into a store",
          .run = pack,
          .sections = {"text"},
          .flags = {required_flag("images", "DIR", "folder of images, one sub-folder for each kind of thing"),
                    {"captions", "folder|file", "\"a photo of a <folder>\", or the .txt beside each image"},
                    {"resolution", "N", "pixels on one side after the crop; 32 unless given"},
                    required_flag("out", "FILE", "the store to write")}};
}

}  // namespace fgm
