#pragma once

#include <string>
#include <string_view>

namespace fgm {

// Hears which phase of a step a rank is in. Phases nest: "gather" lies in "student.backward". Calls come one at a time
// and in order, though not all from one thread: CUDA's backward passes run on a thread of autograd's.
class PhaseListener {
 public:
  virtual ~PhaseListener() = default;
  virtual void on_enter(std::string_view phase) = 0;
  virtual void on_leave(std::string_view phase) = 0;
};

// Announces a phase for as long as the scope lives.
//   NETWORK.data, NETWORK.forward, NETWORK.backward, NETWORK.optimizer   the parts of a network's update
//   gather, reduce   the sharding layer moves parameters or gradients between the ranks
//   wait             the ranks exchange a few numbers: the time goes into waiting for the slowest rank
class PhaseScope {
 public:
  // `listener` may be null and must outlive the scope.
  PhaseScope(PhaseListener* listener, std::string phase) : listener_(listener), phase_(std::move(phase)) {
    if (listener_ != nullptr) listener_->on_enter(phase_);
  }
  ~PhaseScope() {
    if (listener_ != nullptr) listener_->on_leave(phase_);
  }
  PhaseScope(const PhaseScope&) = delete;
  PhaseScope& operator=(const PhaseScope&) = delete;

 private:
  PhaseListener* listener_;
  std::string phase_;
};

// What `body` returns, computed inside a phase.
template <typename Body>
auto in_phase(PhaseListener* listener, std::string phase, const Body& body) {
  const PhaseScope scope(listener, std::move(phase));
  return body();
}

}  // namespace fgm
