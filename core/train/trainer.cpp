#include "core/train/trainer.h"

#include <chrono>
#include <utility>

#include "core/train/finite_guard.h"

namespace fgm {

Trainer::Trainer(Step& step, BatchSource& source, Checkpointer& checkpointer, std::vector<StepObserver*> observers,
                 std::function<bool()> stop_requested, const TrainerOptions& options)
    : step_(step),
      source_(source),
      checkpointer_(checkpointer),
      observers_(std::move(observers)),
      stop_requested_(std::move(stop_requested)),
      options_(options) {}

Outcome Trainer::run(int64_t first_step) {
  FiniteGuard guard(options_.max_non_finite_in_a_row);
  source_.seek(first_step * step_.batches_per_step());
  int64_t done = first_step;
  int64_t saved = first_step;
  bool is_stopped = false;
  while (done < options_.num_steps && !is_stopped) {
    const StepReport report = run_one(done);
    ++done;
    guard.check(done, report);
    is_stopped = in_phase(options_.timer, "wait", stop_requested_);
    if (options_.save_every > 0 && done % options_.save_every == 0) {
      checkpointer_.save(done);
      saved = done;
    }
  }
  if (saved != done) checkpointer_.save(done);
  checkpointer_.finish();
  for (StepObserver* observer : observers_) observer->on_end(done);
  return done < options_.num_steps ? Outcome::kStopped : Outcome::kFinished;
}

StepReport Trainer::run_one(int64_t step) {
  using Clock = std::chrono::steady_clock;
  const auto began = Clock::now();
  StepReport report = step_.run(step, source_);
  const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
  if (options_.timer != nullptr) report.values.merge(options_.timer->take());
  report.values["ms.total"] = seconds * 1e3;
  if (options_.score_every > 0 && (step + 1) % options_.score_every == 0) report.values.merge(options_.scores());
  for (StepObserver* observer : observers_) observer->on_step(step + 1, options_.num_steps, seconds, report);
  return report;
}

}  // namespace fgm
