// How OpenMP's threads wait for each other, said to libgomp before it reads it.
#include <unistd.h>

#include <array>
#include <cstddef>

namespace {

// Some 20 us; libgomp's own 300000 turns are several milliseconds. Where other work wants the cores, a thread that
// spins keeps them from the one that it waits for; a thread that sleeps at once is slow to come back. See
// docs/design/0011.
char kSpinCount[] = "GOMP_SPINCOUNT=1000";

bool sets(const char* entry, const char* name) {
  while (*name != '\0' && *entry == *name) ++entry, ++name;
  return *name == '\0' && *entry == '=';
}

// Starts this program once more with the setting in its environment, unless the user's own is there.
//
// Note [Before the libraries]: libgomp reads its environment while it is loaded, ahead of main(); no call changes that
// later. The functions of .preinit_array run before all libraries are initialised, so that starting over takes
// 0.05 s here and 0.5 s in main(). libc is not ready yet either: only system calls, and no getenv().
__attribute__((no_sanitize("address", "thread", "undefined"))) void wait_briefly(int, char** argv, char** environment) {
  size_t count = 0;
  for (; environment[count] != nullptr; ++count) {
    if (sets(environment[count], "GOMP_SPINCOUNT") || sets(environment[count], "OMP_WAIT_POLICY")) return;
  }
  auto** with_setting = static_cast<char**>(__builtin_alloca((count + 2) * sizeof(char*)));
  for (size_t i = 0; i < count; ++i) with_setting[i] = environment[i];
  with_setting[count] = kSpinCount;
  with_setting[count + 1] = nullptr;
  std::array<char, 4096> program;
  const ssize_t length = readlink("/proc/self/exe", program.data(), program.size() - 1);
  if (length <= 0) return;
  program[static_cast<size_t>(length)] = '\0';
  execve(program.data(), argv, with_setting);  // comes back only where it cannot; then libgomp's default holds
}

__attribute__((section(".preinit_array"), used)) void (*const kPreinit)(int, char**, char**) = wait_briefly;

}  // namespace
