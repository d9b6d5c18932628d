#pragma once

#include <functional>
#include <string>
#include <vector>

#include "parallel/comm/communicator.h"

// What the ranks of a job tell each other between steps. All are collective over `control`, a CPU communicator.
namespace fgm {

// Every rank's text, in the order of the ranks, on every rank. Texts may be empty and of different lengths.
std::vector<std::string> all_gather_strings(Communicator& control, const std::string& mine);

// Returns when every rank gave the same lines of "key = value". Otherwise every rank throws a ConfigError that names
// the first rank that differs and the first line in which it does.
void require_same_lines(Communicator& control, const std::string& mine);

// Rank 0's text on every rank.
std::string broadcast_string(Communicator& control, const std::string& text);

// Runs `body` on every rank, and returns only when it succeeded on all of them. Otherwise every rank throws the same
// Error: the message of the first rank that failed (with its number in front unless it is 0) and its exit code; a rank
// with kExitDoNotRequeue (disk full) goes before the others. `body` must not communicate.
void throw_on_all_ranks(Communicator& control, const std::function<void()>& body);

// What rank 0 does for all: the same for a `body` that it alone runs.
void on_first_rank(Communicator& control, const std::function<void()>& body);

}  // namespace fgm
