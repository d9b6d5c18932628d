#include <fmt/ranges.h>

#include "core/base/error.h"
#include "core/base/version.h"
#include "core/io/output_path.h"
#include "data/store/merge_stores.h"
#include "data/store/store_set.h"
#include "launch/cli/commands.h"
#include "launch/cli/output.h"

namespace fgm {
namespace {

int merge_data(const Invocation& invocation) {
  const auto list = fmt::format("{}", fmt::join(invocation.arguments, ","));
  const std::filesystem::path out = invocation.flags.text("out");
  const auto files = files_of_stores(list);
  check_output_file(out);
  if (invocation.is_dry_run) return kExitDone;
  const auto merged = merge_stores(
      files, out,
      {{"merged", {{"tool", "fgm data merge"}, {"version", version()}, {"from", list}, {"files", files.size()}}}});
  if (invocation.is_json) {
    print_json({{"out", out.string()},
                {"kind", merged.kind},
                {"files", files.size()},
                {"records", merged.size},
                {"left_out", merged.num_left_out}});
  } else {
    print_out(fmt::format("{}: {} records of {} from {} files; left out, since they were there already: {}\n",
                          out.string(), merged.size, merged.kind, files.size(), merged.num_left_out));
  }
  return kExitDone;
}

}  // namespace

Command data_merge_command() {
  return {.name = "data merge",
          .help = "writes the records of several stores of one kind into one",
          .run = merge_data,
          .flags = {required_flag("out", "FILE", "the store to write")},
          .argument = "LIST..."};
}

}  // namespace fgm
