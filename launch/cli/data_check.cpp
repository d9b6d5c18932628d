#include <filesystem>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/io/output_path.h"
#include "launch/cli/commands.h"
#include "launch/cli/print_report.h"
#include "launch/runtime/environment.h"
#include "launch/runtime/threads.h"

namespace fgm {
namespace {

int show_data(const Invocation& invocation) {
  return print_report(report_data(invocation.arguments[0]), invocation.is_json);
}

void require_new_files(const std::vector<std::string>& stores) {
  for (const auto& store : stores) {
    const auto out = repaired_store(store);
    require<ConfigError>(!std::filesystem::exists(out),
                         "'{}' is there already, and --repair would write it; move it away", out.string());
    check_output_file(out);
  }
}

int verify_data(const Invocation& invocation) {
  const bool wants_repair = invocation.flags.has("repair");
  if (wants_repair) require_new_files(invocation.arguments);
  const auto threads = choose_threads(0, read_environment().omp_num_threads, own_cores());
  const auto report = report_data_verification(invocation.arguments,
                                               {.num_threads = threads.num_threads, .wants_repair = wants_repair});
  return print_report(report, invocation.is_json);
}

}  // namespace

Command data_info_command() {
  return {.name = "data info",
          .help = "shows what a store holds, finished or not: kind, records, sizes, provenance",
          .run = show_data,
          .argument = "FILE"};
}

Command data_verify_command() {
  return {.name = "data verify",
          .help = "reads all of the stores and names every record that is damaged",
          .run = verify_data,
          .flags = {{"repair", "", "write the whole records of a damaged or unfinished a.h5 into a.repaired.h5"}},
          .argument = "FILE..."};
}

}  // namespace fgm
