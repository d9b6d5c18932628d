#include "launch/cli/program.h"

#include <c10/util/Exception.h>

#include <csignal>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/version.h"
#include "core/config/fields.h"
#include "launch/cli/command_line.h"
#include "launch/cli/help.h"
#include "launch/cli/output.h"
#include "launch/runtime/environment.h"

namespace fgm {
namespace {

int run_command(const std::vector<std::string>& args, const std::vector<Command>& commands) {
  if (args.empty()) {
    std::fputs(program_help(commands).c_str(), stderr);
    return kExitConfig;
  }
  if (args[0] == "--help" || args[0] == "-h") {
    print_out(program_help(commands));
    return kExitDone;
  }
  if (args[0] == "--version") {
    print_out(fmt::format("fgm {} ({})\n", version(), version_commit()));
    return kExitDone;
  }
  const auto [command, num_words] = find_command(args, commands);
  const std::vector<std::string> rest(args.begin() + static_cast<ptrdiff_t>(num_words), args.end());
  const Request request = parse_arguments(*command, rest);
  if (request.wants_help) {
    print_out(command_help(*command));
    return kExitDone;
  }
  if (request.wants_config) {
    print_out(to_ini(request.invocation.config));
    return kExitDone;
  }
  return command->run(request.invocation);
}

int report(std::string_view message, int code) {
  std::fputs(fmt::format("fgm: {}\n", message.substr(0, message.find('\n'))).c_str(), stderr);
  return code;
}

}  // namespace

int run_program(const std::vector<std::string>& args, const std::vector<Command>& commands) {
  // Otherwise "fgm train | head" would end the training in the middle of a write.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    init_log(read_environment().log_level, 0, 1);
    return run_command(args, commands);
  } catch (const Error& error) {
    return report(error.what(), error.exit_code());
  } catch (const c10::Error& error) {
    return report(error.what_without_backtrace(), kExitCrash);
  } catch (const std::exception& error) {
    return report(error.what(), kExitCrash);
  }
}

}  // namespace fgm
