#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "parallel/comm/communicator.h"

// What the ranks of a job tell each other between steps. All are collective over `control`, a CPU communicator.
namespace fgm {

// An error that every rank of the job throws, each knowing that the others do: rank 0 reports it for all.
class AgreedError : public Error {
 public:
  using Error::Error;
};

// Every rank's text, in the order of the ranks, on every rank. Texts may be empty and of different lengths.
std::vector<std::string> all_gather_strings(Communicator& control, const std::string& mine);

// Returns when every rank gave the same lines of "key = value". Otherwise every rank throws an AgreedError with
// kExitConfig that names the first rank that differs and the first line in which it does.
void require_same_lines(Communicator& control, const std::string& mine);

// Rank 0's text on every rank.
std::string broadcast_string(Communicator& control, const std::string& text);

// Runs `body` on every rank, and returns only when it succeeded on all of them. Otherwise every rank throws the same
// AgreedError: the message of the first rank that failed (with its number in front unless it is 0) and its exit code.
// A rank that failed with kExitDoNotRequeue (disk full) goes before the others. `body` must not communicate.
void throw_on_all_ranks(Communicator& control, const std::function<void()>& body);

// Runs `body` on rank 0 alone, and returns on every rank when it has succeeded. Otherwise every rank throws, as in
// throw_on_all_ranks().
void on_first_rank(Communicator& control, const std::function<void()>& body);

}  // namespace fgm
