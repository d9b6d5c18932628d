#include "parallel/comm/internal/nccl_comm.h"

#include <spdlog/spdlog.h>

#include <exception>

#include "core/base/error.h"

namespace fgm {

void check_nccl(ncclResult_t result, const char* call, ncclComm_t comm, std::source_location location) {
  if (result == ncclSuccess) return;
  detail::throw_internal(fmt::format("{} failed: {}: {}; NCCL_DEBUG=INFO says more", call, ncclGetErrorString(result),
                                     ncclGetLastError(comm)),
                         location);
}

NcclComm::~NcclComm() {
  if (comm_ == nullptr) return;
  const auto level = std::uncaught_exceptions() > 0 ? spdlog::level::debug : spdlog::level::warn;
  spdlog::log(level, "a NCCL communicator was left open; close() frees it on the success path");
}

int NcclComm::rank() const {
  int rank = 0;
  check_nccl(ncclCommUserRank(comm_, &rank), "ncclCommUserRank", comm_);
  return rank;
}

int NcclComm::size() const {
  int size = 0;
  check_nccl(ncclCommCount(comm_, &size), "ncclCommCount", comm_);
  return size;
}

void NcclComm::check_async() const {
  ncclResult_t earlier = ncclSuccess;
  check_nccl(ncclCommGetAsyncError(comm_, &earlier), "ncclCommGetAsyncError", comm_);
  check_nccl(earlier, "an earlier NCCL operation", comm_);
}

void NcclComm::close() {
  check_nccl(ncclCommFinalize(comm_), "ncclCommFinalize", comm_);
  check_nccl(ncclCommDestroy(std::exchange(comm_, nullptr)), "ncclCommDestroy");
}

}  // namespace fgm
