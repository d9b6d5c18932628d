// main() of every *_mptest: one GoogleTest run on each rank, the job fails when any rank does.
#include <gtest/gtest.h>
#include <mpi.h>

#include <cstdio>
#include <cstdlib>

namespace {

// FGM_TEST_RANKS is what CTest started; a missing rank must be a failure and never a quieter test.
bool has_expected_ranks() {
  int world = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &world);
  const char* expected = std::getenv("FGM_TEST_RANKS");
  if (expected != nullptr && std::atoi(expected) == world) return true;
  std::fprintf(stderr, "mpi test: %d ranks came, FGM_TEST_RANKS=%s were asked for\n", world,
               expected == nullptr ? "(unset)" : expected);
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  int granted = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &granted);
  ::testing::InitGoogleTest(&argc, argv);
  int failed = granted == MPI_THREAD_MULTIPLE && has_expected_ranks() ? RUN_ALL_TESTS() : 1;
  if (::testing::UnitTest::GetInstance()->test_to_run_count() == 0) failed = 1;
  MPI_Allreduce(MPI_IN_PLACE, &failed, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  MPI_Finalize();
  return failed;
}
