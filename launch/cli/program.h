#pragma once

#include <string>
#include <vector>

#include "launch/cli/command.h"

namespace fgm {

// The whole program behind main(): finds the command, runs it and returns the exit code. An error ends in one
// line on stderr ("fgm: optimizer.lr = 'fast' is not a number") and its documented code; nothing is thrown. Of a job of
// several ranks the line comes once: from rank 0 when all ranks throw an AgreedError, which ends the job while the
// others wait, else from the first rank of a host to find the error, with its number.
int run_program(const std::vector<std::string>& args, const std::vector<Command>& commands);

}  // namespace fgm
