#include "launch/cli/commands.h"
#include "launch/cli/print_report.h"
#include "launch/runtime/environment.h"
#include "launch/runtime/threads.h"

namespace fgm {
namespace {

int show_data(const Invocation& invocation) {
  return print_report(report_data(invocation.arguments[0]), invocation.is_json);
}

int verify_data(const Invocation& invocation) {
  const auto threads = choose_threads(0, read_environment().omp_num_threads, own_cores());
  return print_report(report_data_verification(invocation.arguments, threads.num_threads), invocation.is_json);
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
          .argument = "FILE..."};
}

}  // namespace fgm
