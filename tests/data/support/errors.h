#pragma once

#include <gtest/gtest.h>

#include <string>

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

}  // namespace fgm
