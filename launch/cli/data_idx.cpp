#include "core/base/error.h"
#include "core/base/text.h"
#include "data/import/idx.h"
#include "launch/cli/commands.h"
#include "launch/cli/output.h"

namespace fgm {
namespace {

int make_from_idx(const Invocation& invocation) {
  const Flags& flags = invocation.flags;
  const IdxOptions options{.images = flags.text("images"),
                           .labels = flags.text("labels"),
                           .captions = split(to_nfc(flags.text("names")), ','),
                           .resolution = flags.whole_number("resolution", 0),
                           .count = flags.whole_number("count", 0),
                           .out = flags.text("out")};
  if (invocation.is_dry_run) {
    check_idx(options);
    return kExitDone;
  }
  print_out(fmt::format("{}: {} images written\n", options.out.string(), import_idx(options)));
  return kExitDone;
}

}  // namespace

Command data_idx_command() {
  return {.name = "data idx",
          .help = "writes MNIST's files of images and labels, or others like them, grey or in colour, into a store",
          .run = make_from_idx,
          .flags = {required_flag("images", "FILE", "IDX file of the images, gzipped or not"),
                    required_flag("labels", "FILE", "IDX file of their labels"),
                    required_flag("names", "LIST", "captions of label 0, 1, ..., with commas between them"),
                    required_flag("out", "FILE", "the store to write"),
                    {"resolution", "N", "pixels a side, black all around; without it the images' own"},
                    {"count", "N", "write the first N images; without it all"}}};
}

}  // namespace fgm
