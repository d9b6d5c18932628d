#include "core/base/error.h"
#include "launch/cli/commands.h"
#include "launch/cli/print_report.h"
#include "launch/inspect/reports.h"
#include "launch/inspect/target.h"

namespace fgm {
namespace {

Report report(const Invocation& invocation) {
  const std::filesystem::path path = invocation.arguments[0];
  const bool wants_difference = invocation.flags.has("diff"), wants_verification = invocation.flags.has("verify");
  require<ConfigError>(!wants_verification || !wants_difference,
                       "--verify and --diff are two questions; ask one at a time");
  if (wants_verification) return report_verification(path);
  if (wants_difference) return report_difference(path, invocation.flags.text("diff"));
  switch (kind_of(path)) {
    case PathKind::kStore:
      return report_store(path);
    case PathKind::kTensorFile:
      return report_file(path);
    case PathKind::kStepFolder:
      return report_step(path);
    case PathKind::kRunFolder:
      return report_run(path);
  }
  throw Error("a path of no known kind");
}

int inspect(const Invocation& invocation) {
  return print_report(report(invocation), invocation.is_json);
}

}  // namespace

Command inspect_command() {
  return {.name = "inspect",
          .help = "shows what a checkpoint, a run, a safetensors file or a store holds",
          .run = inspect,
          .flags = {{"verify", "", "check that every file of a checkpoint is there, whole and unchanged"},
                    {"diff", "OTHER", "compare with another file, checkpoint or run, of any number of ranks"}},
          .argument = "PATH"};
}

}  // namespace fgm
