#pragma once

#include <nccl.h>

#include <source_location>
#include <utility>

namespace fgm {

// Throws Error naming `call`, NCCL's own message (`comm` may be null) and the place in the source unless
// `result` is ncclSuccess.
void check_nccl(ncclResult_t result, const char* call, ncclComm_t comm = nullptr,
                std::source_location location = std::source_location::current());

// Owns one NCCL communicator, blocking flavour. Freeing it is a collective, so only close() does it.
class NcclComm {
 public:
  explicit NcclComm(ncclComm_t comm) : comm_(comm) {}
  ~NcclComm();
  NcclComm(NcclComm&& other) noexcept : comm_(std::exchange(other.comm_, nullptr)) {}
  NcclComm& operator=(NcclComm&&) = delete;

  ncclComm_t get() const noexcept { return comm_; }
  int rank() const;
  int size() const;

  // Throws Error when an operation that was launched earlier has failed since (a peer died, a network error).
  void check_async() const;
  void close();

 private:
  ncclComm_t comm_;
};

}  // namespace fgm
