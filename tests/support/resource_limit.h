#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

namespace fgm {

// Lowers a limit of this process. RLIMIT_FSIZE: files grow to so many bytes only, which is what a full disk looks like
// to write(). RLIMIT_NOFILE, 0: no file can be opened, for a reason that passes.
class ResourceLimit {
 public:
  ResourceLimit(int resource, rlim_t limit) : resource_(resource), old_handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(resource_, &old_);
    const rlimit lowered{limit, old_.rlim_max};
    ::setrlimit(resource_, &lowered);
  }
  ~ResourceLimit() {
    ::setrlimit(resource_, &old_);
    std::signal(SIGXFSZ, old_handler_);
  }
  ResourceLimit(const ResourceLimit&) = delete;
  ResourceLimit& operator=(const ResourceLimit&) = delete;

 private:
  int resource_;
  rlimit old_{};
  void (*old_handler_)(int);
};

// What RLIMIT_AS counts of this process now, in bytes.
inline rlim_t address_space() {
  rlim_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace fgm
