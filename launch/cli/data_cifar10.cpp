#include "core/base/error.h"
#include "core/io/output_path.h"
#include "data/import/cifar10.h"
#include "launch/cli/commands.h"
#include "launch/cli/output.h"

namespace fgm {
namespace {

int import_cifar10(const Invocation& invocation) {
  const std::string out = invocation.flags.text("out");
  const auto split = invocation.flags.choice<CifarSplit>(
      "split", {{"train", CifarSplit::kTrain}, {"test", CifarSplit::kTest}}, CifarSplit::kTrain);
  check_output_file(out);
  const StoreContents contents = read_cifar10(invocation.arguments[0], split);
  if (invocation.is_dry_run) return kExitDone;
  write_store(out, contents);
  print_out(fmt::format("{}: {} images of 32 px in 10 classes\n", out, contents.prompts.size()));
  return kExitDone;
}

}  // namespace

Command data_cifar10_command() {
  return {.name = "data cifar10",
          .help = "writes CIFAR-10's binary files (cifar-10-batches-bin) into a store, captioned by their classes",
          .run = import_cifar10,
          .flags = {{"split", "train|test", "the 50,000 training images, or the 10,000 test images"},
                    required_flag("out", "FILE", "the store to write")},
          .argument = "DIR"};
}

}  // namespace fgm
