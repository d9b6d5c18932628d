#pragma once

#include <mpi.h>

#include <cstdint>
#include <utility>

namespace fgm {

// Owns one MPI communicator whose errors come back as return codes. Freeing it is a collective, so only
// close() does it.
class MpiComm {
 public:
  explicit MpiComm(MPI_Comm comm);
  ~MpiComm();
  MpiComm(MpiComm&& other) noexcept : comm_(std::exchange(other.comm_, MPI_COMM_NULL)) {}
  MpiComm& operator=(MpiComm&&) = delete;

  MPI_Comm get() const noexcept { return comm_; }
  int rank() const;
  int size() const;
  void close();

 private:
  MPI_Comm comm_;
};

// The datatype of one rank's piece of a buffer laid out as a row for each rank: `piece_bytes` bytes that
// repeat every `row_bytes`. Any row length fits, because a collective then counts pieces and MPI's int never
// counts rows or elements.
class MpiPieceType {
 public:
  MpiPieceType(int piece_bytes, int64_t row_bytes);
  ~MpiPieceType();
  MpiPieceType(const MpiPieceType&) = delete;
  MpiPieceType& operator=(const MpiPieceType&) = delete;

  MPI_Datatype get() const noexcept { return type_; }

 private:
  MPI_Datatype type_ = MPI_DATATYPE_NULL;
};

}  // namespace fgm
