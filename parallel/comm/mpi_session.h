#pragma once

namespace fgm {

// This process among the ranks of its own host.
struct HostRanks {
  int rank = 0;
  int size = 1;
};

// MPI between MPI_Init_thread (THREAD_MULTIPLE) and MPI_Finalize; at most one in the life of a process.
//
// A process started without mpirun or srun is a job of one rank: it starts no daemon and needs no network.
// close() finalises and belongs on the success path. A process that leaves with the session open makes the
// launcher end the other ranks, which is what an error wants; end_open_session() says with which exit code.
class MpiSession {
 public:
  // Sets what Open MPI must know before it starts, where the user's environment does not say otherwise.
  // Throws Error when MPI cannot serve several threads.
  MpiSession();
  ~MpiSession();
  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;

  // Collective over all ranks of the job.
  HostRanks host_ranks() const;

  // Collective; every communicator must be closed before.
  void close();

 private:
  bool is_open_ = false;
};

// Ends all ranks of the job, for mpirun and srun to leave with `exit_code`, where a session of this process is open;
// returns where none is. srun takes the highest of the ranks' codes: without this it is 137, of a rank that it killed.
void end_open_session(int exit_code);

}  // namespace fgm
