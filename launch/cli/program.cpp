#include "launch/cli/program.h"

#include <c10/util/Exception.h>
#include <fcntl.h>
#include <unistd.h>

#include <csignal>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/base/version.h"
#include "core/config/fields.h"
#include "launch/cli/command_line.h"
#include "launch/cli/help.h"
#include "launch/cli/output.h"
#include "launch/runtime/environment.h"
#include "launch/runtime/error_line.h"
#include "launch/runtime/out_of_memory.h"
#include "parallel/comm/control_collectives.h"
#include "parallel/comm/mpi_session.h"

namespace fgm {
namespace {

// A file that takes the number of a closed standard descriptor would get what is written to that: the log, say.
void open_standard_descriptors() {
  int descriptor = 0;
  while (descriptor >= 0 && descriptor <= STDERR_FILENO) descriptor = open("/dev/null", O_RDWR);
  if (descriptor > STDERR_FILENO) close(descriptor);
}

// A command that runs as one process does not mind what else was started: only mpirun's word counts, for it starts no
// shell to work in.
void run_alone(const std::string& command, Environment& environment) {
  require<ConfigError>(environment.world == 1 || !environment.is_mpirun,
                       "'fgm {}' runs as one process, and {} were started; start it without mpirun", command,
                       environment.world);
  environment.rank = 0, environment.world = 1;
  init_log(environment.log_level, 0, 1);
}

int run_command(const std::vector<std::string>& args, const std::vector<Command>& commands, Environment& environment) {
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
  if (!command->is_parallel) run_alone(command->name, environment);
  return command->run(request.invocation);
}

// Ends a rank that an error has reached: one line, and the code for the launcher.
// See docs/design/0012-failing-ranks.md.
int report(std::string_view message, int code, const std::string& command, const Environment& environment) {
  message = message.substr(0, message.find('\n'));
  const std::string line = out_of_memory_text(message, command).value_or(std::string(message));
  const std::string who = environment.rank > 0 ? fmt::format("[rank {}] ", environment.rank) : "";
  print_error_once(environment.said_file, who, printable(line));
  end_open_session(code);
  return code;
}

// An error that all ranks throw is rank 0's to report. Its end makes the launcher end the others: until then they wait,
// for the end of one of them might come before rank 0 has spoken.
int report_agreed(const AgreedError& error, const std::string& command, const Environment& environment) {
  while (environment.rank > 0) ::pause();
  return report(error.what(), error.exit_code(), command, environment);
}

}  // namespace

int run_program(const std::vector<std::string>& args, const std::vector<Command>& commands) {
  open_standard_descriptors();
  // Otherwise "fgm train | head", or a limit of a file's size, would end the training in the middle of a write.
  for (const int signal : {SIGPIPE, SIGXFSZ}) std::signal(signal, SIG_IGN);
  Environment environment;
  const std::string command = args.empty() ? "fgm" : "fgm " + args[0];
  try {
    environment = read_environment();
    init_log(environment.log_level, static_cast<int>(environment.rank), static_cast<int>(environment.world));
    return run_command(args, commands, environment);
  } catch (const AgreedError& error) {
    return report_agreed(error, command, environment);
  } catch (const Error& error) {
    return report(error.what(), error.exit_code(), command, environment);
  } catch (const std::system_error& error) {  // What std::filesystem throws names the path.
    return report(error.what(), exit_code_of(error.code()), command, environment);
  } catch (const c10::Error& error) {
    return report(error.what_without_backtrace(), kExitCrash, command, environment);
  } catch (const std::exception& error) {
    return report(error.what(), kExitCrash, command, environment);
  }
}

}  // namespace fgm
