#include "launch/runtime/out_of_memory.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <regex>

#include "core/base/number.h"
#include "core/base/text.h"
#include "launch/runtime/memory_limit.h"

namespace fgm {
namespace {

// What `ulimit -v` leaves this process; infinite without one.
double free_addresses() {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return std::numeric_limits<double>::infinity();
  }
  double pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return std::max(0.0, static_cast<double>(limit.rlim_cur) - pages * static_cast<double>(sysconf(_SC_PAGESIZE)));
}

std::string free_memory_text() {
  const double addresses = free_addresses(), machine = meminfo("MemAvailable");
  if (addresses < machine) return fmt::format("{} are free below its limit (ulimit -v)", human_bytes(addresses));
  return fmt::format("{} are free on this host", human_bytes(machine));
}

// The group of `pattern` in `message`.
std::optional<std::string> find(const std::string& message, const char* pattern) {
  std::smatch found;
  return std::regex_search(message, found, std::regex(pattern)) ? std::optional(found[1].str()) : std::nullopt;
}

}  // namespace

std::optional<std::string> out_of_memory_text(std::string_view message, std::string_view who) {
  constexpr const char* kAdvice = "a smaller batch takes less, and so do fewer ranks on one host";
  const std::string text(message);
  if (const auto bytes = find(text, "can't allocate memory: you tried to allocate ([0-9]+) bytes")) {
    return fmt::format("{} asked for {} of memory at once and got none: {}; {}", who,
                       human_bytes(parse_number<double>(*bytes).value_or(0.0)), free_memory_text(), kAdvice);
  }
  if (const auto bytes = find(text, "CUDA out of memory[.] Tried to allocate ([0-9.]+ [KMGT]iB)")) {
    const auto left = find(text, "of which ([0-9.]+ [A-Za-z]+) is free").value_or("an unknown part");
    return fmt::format("{} asked for {} of a GPU's memory at once and got none: {} of it are free; {}", who, *bytes,
                       left, kAdvice);
  }
  if (message.ends_with("std::bad_alloc")) {
    return fmt::format("{} asked for memory and got none: {}; {}", who, free_memory_text(), kAdvice);
  }
  return std::nullopt;
}

}  // namespace fgm
