#pragma once

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <string>

namespace fgm {

struct Outcome {
  int code = -1;
  std::string text;  // stdout and stderr
};

inline Outcome shell(const std::string& command) {
  Outcome outcome;
  std::FILE* pipe = popen(("exec 2>&1; " + command).c_str(), "r");
  std::array<char, 4096> buffer;
  while (const size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe))
    outcome.text.append(buffer.data(), count);
  const int status = pclose(pipe);
  outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return outcome;
}

// FGM_BINARY: the built program, given by CMake.
inline Outcome fgm(const std::string& arguments) {
  return shell(FGM_BINARY " " + arguments);
}

}  // namespace fgm
