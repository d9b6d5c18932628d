#pragma once

#include <fmt/format.h>

#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace fgm {

// Exit codes that scripts and Slurm jobs depend on.
enum ExitCode : int {
  kExitDone = 0,
  kExitConfig = 2,
  kExitCrash = 70,
  kExitRequeue = 75,
  kExitHang = 76,
  kExitDoNotRequeue = 93,
  kExitSecondInterrupt = 130,
};

// Of a failed call of the system. A full disk, quota or file-size limit: kExitDoNotRequeue. What another path or
// permission mends: kExitConfig. All else (EIO, ESTALE, EMFILE, ...) may have passed at the next start: kExitCrash.
ExitCode exit_code_of(std::error_code error) noexcept;

// errno
std::error_code last_error() noexcept;

// The base of every error that fgm raises itself. what() is one line: the thing, what was expected, what to do.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message, int exit_code = kExitCrash)
      : std::runtime_error(message), exit_code_(exit_code) {}
  int exit_code() const noexcept { return exit_code_; }

 private:
  int exit_code_;
};

// A flag, a config key, a file or an input tensor that the user can fix. Ends the process with kExitConfig.
class ConfigError : public Error {
 public:
  explicit ConfigError(const std::string& message) : Error(message, kExitConfig) {}
};

// A file could not be read or written (missing, truncated, corrupt, disk full).
class IoError : public Error {
 public:
  explicit IoError(const std::string& message, int exit_code = kExitConfig) : Error(message, exit_code) {}
  // "WHAT: REASON", with exit_code_of(error).
  IoError(const std::string& what, std::error_code error)
      : Error(fmt::format("{}: {}", what, error.message()), exit_code_of(error)) {}
};

// A file was read and does not hold what it must, or is not there while its folder is: reading it again will not help.
class DamageError : public IoError {
 public:
  explicit DamageError(const std::string& message) : IoError(message) {}
};

// A run that would fail again in the same way if it were started again (repeated non-finite loss, full disk).
class DoNotRequeueError : public Error {
 public:
  explicit DoNotRequeueError(const std::string& message) : Error(message, kExitDoNotRequeue) {}
};

namespace detail {
[[noreturn]] void throw_internal(const std::string& message, const std::source_location& location);

struct FormatAndPlace {
  std::string_view format;
  std::source_location location;
  template <typename String>
  FormatAndPlace(const String& s, std::source_location at = std::source_location::current())  // NOLINT
      : format(s), location(at) {}
};
}  // namespace detail

// Throws E with the formatted message unless `condition` holds.
//   require<ConfigError>(world % shard == 0, "mesh.shard = {} does not divide the {} ranks of this job", shard, world);
template <typename E, typename... Args>
void require(bool condition, std::string_view format, const Args&... args) {
  if (!condition) [[unlikely]] {
    throw E(fmt::vformat(format, fmt::make_format_args(args...)));
  }
}

// Throws Error naming the place in the source unless `condition` holds: a mistake of ours, not of the user's.
template <typename... Args>
void check(bool condition, detail::FormatAndPlace message, const Args&... args) {
  if (!condition) [[unlikely]] {
    detail::throw_internal(fmt::vformat(message.format, fmt::make_format_args(args...)), message.location);
  }
}

}  // namespace fgm
