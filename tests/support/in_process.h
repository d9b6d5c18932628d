#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>
#include <vector>

#include "launch/cli/commands.h"
#include "launch/cli/program.h"
#include "tests/support/shell.h"

namespace fgm {

// What the program does with `arguments` (words between blanks) in `folder`, but in this process: to load the program
// takes a second, which is longer than most commands. Outcome::text is all of stdout, then all of stderr.
inline Outcome in_process(const std::filesystem::path& folder, const std::string& arguments) {
  std::istringstream stream(arguments);
  const std::vector<std::string> words{std::istream_iterator<std::string>(stream), {}};
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder);
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int code = run_program(words, all_commands());
  std::string text = testing::internal::GetCapturedStdout();
  text += testing::internal::GetCapturedStderr();
  std::filesystem::current_path(before);
  return {code, text};
}

}  // namespace fgm
