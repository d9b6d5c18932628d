#include "launch/runtime/observers/progress_line.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "core/base/text.h"

namespace fgm {
namespace {

constexpr double kSecondsBetweenDrawings = 0.1;
constexpr double kNewestStepShare = 0.1;  // of the moving average
constexpr int64_t kUsualColumns = 80;

}  // namespace

ProgressLine::ProgressLine(std::FILE* out, Options options) : out_(out), options_(std::move(options)) {}

std::string ProgressLine::text(int64_t step, int64_t num_steps, const StepReport& report) const {
  std::string line = fmt::format("{} {}/{}", options_.label, step, num_steps);
  for (const auto& [key, value] : report.values) {
    if (key.starts_with("loss") || key == "l1") line += fmt::format("  {} {:.4g}", key, value);
  }
  for (const auto& [key, value] : scores_) line += fmt::format("  {} {:.4g}", key, value);
  const auto images = static_cast<double>(report.images);
  line += fmt::format("  {:.3g} images/s", seconds_per_step_ > 0.0 ? images / seconds_per_step_ : 0.0);
  if (step < num_steps) {
    line += "  ETA " + human_duration(static_cast<double>(num_steps - step) * seconds_per_step_);
  }
  return line;
}

void ProgressLine::on_step(int64_t step, int64_t num_steps, double seconds, const StepReport& report) {
  const bool is_first = seconds_per_step_ == 0.0;
  seconds_per_step_ = is_first ? seconds : seconds_per_step_ + kNewestStepShare * (seconds - seconds_per_step_);
  for (const auto& [key, value] : report.values) {
    if (key.starts_with("score.")) scores_[key] = value;
  }
  const bool is_last = step >= num_steps;
  if (options_.terminal_columns == 0) {
    if (step % options_.log_every == 0 || is_last) write(text(step, num_steps, report) + "\n");
    return;
  }
  seconds_since_drawn_ += seconds;
  undrawn_ = text(step, num_steps, report);
  if (is_first || is_last || seconds_since_drawn_ >= kSecondsBetweenDrawings) rewrite(std::move(undrawn_));
}

void ProgressLine::write(const std::string& bytes) {
  // Not fmt::print, which throws when the terminal or pipe has gone.
  std::fputs(bytes.c_str(), out_);
  std::fflush(out_);
}

void ProgressLine::rewrite(std::string line) {
  // A line that wraps cannot be rewritten.
  line.resize(std::min(line.size(), static_cast<size_t>(options_.terminal_columns - 1)));
  write("\r" + line + "\x1b[K");
  seconds_since_drawn_ = 0.0;
  undrawn_.clear();
  has_drawn_ = true;
}

void ProgressLine::on_end(int64_t) {
  if (!undrawn_.empty()) rewrite(std::move(undrawn_));
  if (has_drawn_) write("\n");
}

int64_t terminal_columns(std::FILE* out) {
  const int fd = fileno(out);
  if (fd < 0 || isatty(fd) == 0) return 0;
  winsize size = {};
  const bool is_known = ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  return is_known ? size.ws_col : kUsualColumns;
}

}  // namespace fgm
