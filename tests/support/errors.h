#pragma once

#include <gtest/gtest.h>

#include <string>

#include "core/base/error.h"

namespace fgm {

// The message of the E that `body` throws; fails the test and returns "" when it throws nothing or something else.
template <typename E, typename Body>
std::string message_of(const Body& body) {
  try {
    body();
  } catch (const E& error) {
    return error.what();
  } catch (const std::exception& error) {
    ADD_FAILURE() << "another exception was thrown: " << error.what();
    return "";
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

// The exit code of the Error that `body` throws; fails the test when it throws nothing or something else.
template <typename Body>
int exit_code_from(const Body& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.exit_code();
  } catch (const std::exception& error) {
    ADD_FAILURE() << "another exception was thrown: " << error.what();
    return -1;
  }
  ADD_FAILURE() << "nothing was thrown";
  return -1;
}

}  // namespace fgm
