#include "parallel/comm/internal/mpi_handles.h"

#include <spdlog/spdlog.h>

#include <exception>

#include "parallel/comm/internal/check_mpi.h"

namespace fgm {

MpiComm::MpiComm(MPI_Comm comm) : comm_(comm) {
  check_mpi(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
}

MpiComm::~MpiComm() {
  if (comm_ == MPI_COMM_NULL) return;
  const auto level = std::uncaught_exceptions() > 0 ? spdlog::level::debug : spdlog::level::warn;
  spdlog::log(level, "an MPI communicator was left open; close() frees it on the success path");
}

int MpiComm::rank() const {
  int rank = 0;
  check_mpi(MPI_Comm_rank(comm_, &rank), "MPI_Comm_rank");
  return rank;
}

int MpiComm::size() const {
  int size = 0;
  check_mpi(MPI_Comm_size(comm_, &size), "MPI_Comm_size");
  return size;
}

void MpiComm::close() {
  check_mpi(MPI_Comm_free(&comm_), "MPI_Comm_free");
}

MpiPieceType::MpiPieceType(int piece_bytes, int64_t row_bytes) {
  MPI_Datatype piece = MPI_DATATYPE_NULL;
  check_mpi(MPI_Type_contiguous(piece_bytes, MPI_BYTE, &piece), "MPI_Type_contiguous");
  check_mpi(MPI_Type_create_resized(piece, 0, row_bytes, &type_), "MPI_Type_create_resized");
  check_mpi(MPI_Type_free(&piece), "MPI_Type_free");
  check_mpi(MPI_Type_commit(&type_), "MPI_Type_commit");
}

// Freeing a datatype is local.
MpiPieceType::~MpiPieceType() {
  MPI_Type_free(&type_);
}

}  // namespace fgm
