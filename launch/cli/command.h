#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "core/config/config.h"
#include "launch/cli/flags.h"

namespace fgm {

// What the user asked of a sub-command.
struct Invocation {
  Config config;  // defaults, then the config file, then the flags; validated
  bool is_json = false;
  bool is_dry_run = false;             // check what the start checks (launch/job/start_checks.h), run nothing
  Flags flags;                         // the sub-command's own that were given
  std::set<std::string> given_keys;    // of the config, by a flag and not by the config file
  std::vector<std::string> arguments;  // the positional ones, such as FILE
};

// A flag with one value, or none. With `key` it is a short name of that config key; without, the sub-command finds it
// in Invocation::flags.
struct Flag {
  std::string name;        // without "--"
  std::string value_name;  // "" for a flag that is there or not
  std::string help;
  std::string key = "";
  bool is_required = false;
};

struct Command {
  std::string name;                           // "train", or "data pack"
  std::string help;                           // one line
  std::function<int(const Invocation&)> run;  // returns the exit code
  std::vector<std::string> sections = {};     // of the config, that it reads
  std::vector<Flag> flags = {};               // beside the common ones
  std::string argument = "";                  // name of the positional argument that it needs; "" for none, with
                                              // "..." at its end one or more
  bool is_parallel = false;                   // may run on several ranks
};

// The flag --steps of a sub-command whose number of steps is `key`.
inline Flag steps_flag(const std::string& key) {
  return {"steps", "N", "number of steps", key};
}

// A flag of a sub-command's own without which it does not run.
inline Flag required_flag(const std::string& name, const std::string& value_name, const std::string& help) {
  return {.name = name, .value_name = value_name, .help = help, .is_required = true};
}

}  // namespace fgm
