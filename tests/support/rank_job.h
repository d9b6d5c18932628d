#pragma once

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <string>
#include <thread>

#include "tests/support/shell.h"

namespace fgm {

// The command line that runs `arguments` of the built program (or another) on `ranks` ranks, below the folder `folder`.
// FGM_MPIRUN and FGM_BINARY are given by CMake. Open MPI's shared memory lies in that folder: a killed rank leaves its
// own behind.
inline std::string on_ranks(int ranks, const std::filesystem::path& folder, const std::string& arguments,
                            const std::string& program = FGM_BINARY) {
  return fmt::format("cd {0} && OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 exec " FGM_MPIRUN
                     " -q --oversubscribe --bind-to none --mca btl_vader_backing_directory {0} -n {1} {2} {3}",
                     folder.string(), ranks, program, arguments);
}

// A job of several ranks that runs beside the test, so that the test can signal one of them. Ends with the object.
class RankJob {
 public:
  RankJob(int ranks, const std::filesystem::path& folder, const std::string& arguments)
      : log_(folder / fmt::format("job-{}.log", ++num_jobs())) {
    const std::string command = fmt::format("exec >{} 2>&1; {}", log_.string(), on_ranks(ranks, folder, arguments));
    pid_ = fork();
    if (pid_ != 0) return;
    execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    _exit(127);
  }
  ~RankJob() {
    if (pid_ <= 0) return;
    for (const auto& [rank, process] : processes()) kill(process, SIGKILL);
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  RankJob(const RankJob&) = delete;
  RankJob& operator=(const RankJob&) = delete;

  // Sends `signal` to one rank; false when that rank is not there (not yet, or no more).
  bool signal(int rank, int signal) const {
    const auto found = processes();
    return found.contains(rank) && kill(found.at(rank), signal) == 0;
  }

  // Asks `condition` again and again until it holds; false when the job ended first.
  bool wait_until(const std::function<bool()>& condition) {
    while (!condition()) {
      if (has_ended()) return condition();
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    return true;
  }

  // Waits for the end: mpirun's exit code and all that the ranks printed.
  Outcome wait() {
    if (pid_ > 0 && waitpid(pid_, &status_, 0) == pid_) pid_ = 0;
    return {WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_), text()};
  }

  // What the ranks have printed so far.
  std::string text() const {
    std::ifstream log(log_);
    return std::string(std::istreambuf_iterator<char>(log), {});
  }

 private:
  static int& num_jobs() {
    static int count = 0;
    return count;
  }

  bool has_ended() {
    if (pid_ > 0 && waitpid(pid_, &status_, WNOHANG) == pid_) pid_ = 0;
    return pid_ == 0;
  }

  // The processes that mpirun has started, by rank.
  std::map<int, pid_t> processes() const {
    std::map<int, pid_t> found;
    std::error_code gone;
    for (const auto& task : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid_), gone)) {
      std::ifstream children(task.path() / "children");
      for (pid_t child = 0; children >> child;) {
        const int rank = rank_of(child);
        if (rank >= 0) found[rank] = child;
      }
    }
    return found;
  }

  static int rank_of(pid_t process) {
    std::ifstream environment(fmt::format("/proc/{}/environ", process));
    const std::string name = "OMPI_COMM_WORLD_RANK=";
    for (std::string variable; std::getline(environment, variable, '\0');) {
      if (variable.starts_with(name)) return std::stoi(variable.substr(name.size()));
    }
    return -1;
  }

  std::filesystem::path log_;
  pid_t pid_ = 0;
  int status_ = 0;
};

}  // namespace fgm
