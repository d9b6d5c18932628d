#pragma once

#include <filesystem>
#include <string>

namespace fgm {

// 16 hexadecimal digits that differ from any drawn before: not from the run's random streams, which repeat.
std::string draw_nonce();

// RUN/checkpoints/OWNER says which start of a run may change its checkpoints: the latest one. So a job that Slurm has
// started again elsewhere, or that was submitted twice, is not disturbed by one that is still there and does not know
// it. For rank 0 alone. There is no lock, and no question whether the earlier start lives: neither can be relied on
// across hosts.
class RunOwner {
 public:
  explicit RunOwner(std::filesystem::path file);

  // Makes this start the owner. Whoever was it before finds out at its next require_held().
  void take();
  bool has_taken() const { return !text_.empty(); }

  // DoNotRequeueError naming the new owner when this start is the owner no more: to start again would take the run
  // back.
  void require_held() const;

 private:
  std::filesystem::path file_;
  std::string text_;  // what the file holds while this start is the owner
};

}  // namespace fgm
