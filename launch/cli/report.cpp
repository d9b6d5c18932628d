#include <spdlog/spdlog.h>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/io/file.h"
#include "core/io/output_path.h"
#include "launch/cli/commands.h"
#include "launch/report/page.h"

namespace fgm {
namespace {

int report_runs(const Invocation& invocation) {
  const std::filesystem::path out = invocation.flags.text("out");
  check_output_file(out);
  std::vector<RunRecord> runs;
  for (const auto& path : invocation.arguments) runs.push_back(read_run(path));
  if (invocation.is_dry_run) return kExitDone;
  const std::string page = report_page(runs);
  write_file(out, page);
  spdlog::info("{}: {}", out.string(), human_bytes(static_cast<double>(page.size())));
  return kExitDone;
}

}  // namespace

Command report_command() {
  return {.name = "report",
          .help = "shows runs as one HTML page: curves, samples, scores, checkpoints, settings",
          .run = report_runs,
          .flags = {required_flag("out", "FILE", "the page, report.html; it needs no other file and no network")},
          .argument = "RUN..."};
}

}  // namespace fgm
