#pragma once

#include <memory>
#include <utility>

namespace fgm {

// What a collective returns: the promise that its result will be there.
//
// Until wait() has returned, neither write to the tensors of the call nor read its output. wait() does not
// promise that the host sees the result: for CUDA tensors it makes the caller's current stream wait and
// returns at once; what is launched on that stream afterwards sees the result. For CPU tensors the result is
// in memory when wait() returns. It may be called several times, once for each stream that needs the result,
// and throws what the operation threw.
class [[nodiscard]] Work {
 public:
  // What an implementation keeps for an operation that is still under way.
  class Pending {
   public:
    virtual ~Pending() = default;
    virtual void wait() = 0;
  };

  Work() = default;  // an operation that is already done
  explicit Work(std::unique_ptr<Pending> pending) : pending_(std::move(pending)) {}

  void wait() {
    if (pending_) pending_->wait();
  }

 private:
  std::unique_ptr<Pending> pending_;
};

}  // namespace fgm
