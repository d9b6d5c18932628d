#include "core/base/error.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace fgm {
namespace {

ExitCode exit_code_of(int number) {
  return fgm::exit_code_of({number, std::system_category()});
}

TEST(ExitCodeOfASystemError, AFullDiskWouldFailAgain) {
  for (const int number : {ENOSPC, EDQUOT, EFBIG}) EXPECT_EQ(exit_code_of(number), kExitDoNotRequeue) << number;
}

TEST(ExitCodeOfASystemError, APathOrAPermissionIsTheUsersToFix) {
  for (const int number :
       {ENOENT, EACCES, EPERM, ENOTDIR, EISDIR, EROFS, ENAMETOOLONG, EEXIST, ELOOP, EINVAL, ENOTEMPTY}) {
    EXPECT_EQ(exit_code_of(number), kExitConfig) << number;
  }
}

TEST(ExitCodeOfASystemError, WhatMayPassIsWorthAnotherStart) {
  for (const int number : {EIO, ESTALE, ETIMEDOUT, EMFILE, ENFILE, ENOMEM, EAGAIN, EBUSY, EREMOTEIO, ENXIO}) {
    EXPECT_EQ(exit_code_of(number), kExitCrash) << number;
  }
}

TEST(ExitCodeOfASystemError, IsThatOfTheIoErrorMadeFromIt) {
  const IoError error("cannot read a", std::make_error_code(std::errc::io_error));
  EXPECT_EQ(error.exit_code(), kExitCrash);
  EXPECT_STREQ(error.what(), "cannot read a: Input/output error");
}

}  // namespace
}  // namespace fgm
