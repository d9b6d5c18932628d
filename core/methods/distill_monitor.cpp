#include "core/methods/distill_monitor.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace fgm {
namespace {

constexpr int64_t kSmoothing = 50;  // steps
constexpr int64_t kBetweenWarnings = 500;
constexpr int64_t kStepsToLeaveTeacher = 200;  // of the estimator
constexpr double kRise = 4.0;  // healthy runs' means rose to 1.34 times their lowest, spoilt ones' to 5 and more

}  // namespace

void DistillMonitor::on_step(int64_t step, int64_t, double, const StepReport& report) {
  if (const auto warning = look(step, report)) spdlog::warn("{}", *warning);
}

std::optional<std::string> DistillMonitor::look(int64_t step, const StepReport& report) {
  const std::array<std::pair<const char*, Mean*>, 3> watched = {
      {{"loss.estimator", &loss_}, {"l1", &l1_}, {"l2", &l2_}}};
  for (const auto& [key, mean] : watched) {
    const auto found = report.values.find(key);
    if (found == report.values.end() || !std::isfinite(found->second)) return std::nullopt;
  }
  const auto weight = 1.0 / static_cast<double>(std::min(++num_seen_, kSmoothing));
  for (const auto& [key, mean] : watched) {
    mean->value += weight * (report.values.at(key) - mean->value);
    mean->lowest = std::min(mean->lowest, mean->value);
  }
  const std::string text = problem();
  if (text.empty() || num_seen_ < next_warning_) return std::nullopt;
  next_warning_ = num_seen_ + kBetweenWarnings;
  return fmt::format(
      "step {}: {} (docs/fgm.md, what to watch): loss.estimator is {:.1f} times and l1 {:.1f} times its "
      "lowest, -l2 / (2 l1) = {:.2f}",
      step, text, loss_.rise(), l1_.rise(), -l2_.value / (2.0 * l1_.value));
}

std::string DistillMonitor::problem() const {
  if (num_seen_ < kSmoothing) return "";
  const double share = -l2_.value / (2.0 * l1_.value);
  if (loss_.rise() > kRise && (l1_.rise() > kRise || share > 1.0)) {
    return "the estimator is left behind by the student; lower student.lr, or raise method.estimator_steps or "
           "estimator.lr";
  }
  const bool is_with_teacher = l1_.value == 0.0 || share < -1.0;
  if (is_with_teacher && num_seen_ >= kStepsToLeaveTeacher) {
    return "the estimator has hardly left the teacher; raise estimator.lr, or set method.estimator_warmup";
  }
  return "";
}

}  // namespace fgm
