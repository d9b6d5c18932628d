#include "launch/report/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "launch/report/html.h"

namespace fgm {
namespace {

constexpr double kWidth = 420, kHeight = 230, kLeft = 58, kRight = 8, kTop = 26, kBottom = 24;

// Maps values to pixels: lowest to `begin`, highest to `end`.
class Axis {
 public:
  Axis(double lowest, double highest, bool is_log, double begin, double end)
      : is_log_(is_log), lowest_(place(lowest)), highest_(place(highest)), begin_(begin), end_(end) {
    const double size = std::max(std::abs(lowest_), std::abs(highest_));
    if (highest_ - lowest_ > 1e-9 * size) return;  // less is the rounding of means
    const double margin = size == 0.0 ? 1.0 : 0.1 * size;
    lowest_ -= margin;
    highest_ += margin;
  }

  double pixel(double value) const {
    const double share = std::clamp((place(value) - lowest_) / (highest_ - lowest_), 0.0, 1.0);
    return begin_ + share * (end_ - begin_);
  }

  std::vector<double> ticks() const { return is_log_ ? log_ticks() : linear_ticks(); }

 private:
  double place(double value) const { return is_log_ ? std::log10(std::max(value, 1e-300)) : value; }

  // Multiples of 1, 2 or 5 times a power of ten, about four of them.
  std::vector<double> linear_ticks() const {
    const double span = highest_ - lowest_;
    const double power = std::pow(10.0, std::floor(std::log10(span / 4)));
    double step = power;
    for (const double factor : {2.0, 5.0, 10.0}) {
      if (span / step > 5) step = factor * power;
    }
    std::vector<double> ticks;
    const double first = std::ceil(lowest_ / step);
    for (int i = 0; i < 8 && (first + i) * step <= highest_; ++i) ticks.push_back((first + i) * step + 0.0);  // no "-0"
    return ticks;
  }

  // Powers of ten, about five of them; where there are fewer than three, thrice these too.
  std::vector<double> log_ticks() const {
    const double span = highest_ - lowest_;
    std::vector<double> ticks;
    for (double power = std::floor(lowest_); power <= highest_; power += std::ceil(span / 5)) {
      for (const double factor : {1.0, 3.0}) {
        const double tick = factor * std::pow(10.0, power);
        const bool is_inside = place(tick) >= lowest_ && place(tick) <= highest_;
        if (is_inside && (factor == 1.0 || span < 3)) ticks.push_back(tick);
      }
    }
    return ticks;
  }

  bool is_log_;
  double lowest_, highest_, begin_, end_;
};

struct Axes {
  Axis x, y;
};

Axes axes_of(const std::vector<ChartLine>& lines, double last_x) {
  double lowest = std::numeric_limits<double>::infinity(), highest = -lowest;
  for (const auto& line : lines) {
    for (const auto& bin : line.bins) {
      lowest = std::min(lowest, bin.mean);
      highest = std::max(highest, bin.mean);
    }
  }
  const bool is_log = lowest > 0 && highest > 30 * lowest;
  return {Axis(0, last_x, false, kLeft, kWidth - kRight), Axis(lowest, highest, is_log, kHeight - kBottom, kTop)};
}

std::string text(double x, double y, const char* anchor, const std::string& content) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>", x, y, anchor,
                     escape_html(content));
}

// "2k", "1.5M"
std::string short_count(double count) {
  if (count >= 1e6) return fmt::format("{:.4g}M", count / 1e6);
  return count >= 1e3 ? fmt::format("{:.4g}k", count / 1e3) : fmt::format("{:.4g}", count);
}

std::string grid(const Axes& axes) {
  std::string svg;
  for (const double tick : axes.y.ticks()) {
    const double y = axes.y.pixel(tick);
    svg += fmt::format("<line x1=\"{}\" y1=\"{:.1f}\" x2=\"{}\" y2=\"{:.1f}\"/>", kLeft, y, kWidth - kRight, y);
    svg += text(kLeft - 5, y + 4, "end", fmt::format("{:.4g}", tick)) + "\n";
  }
  for (const double tick : axes.x.ticks()) {
    svg += text(axes.x.pixel(tick), kHeight - kBottom + 16, "middle", short_count(tick)) + "\n";
  }
  return svg;
}

std::string points(const std::vector<CurveBin>& bins, double CurveBin::*value, const Axes& axes) {
  std::string list;
  for (const auto& bin : bins) list += fmt::format("{:.1f},{:.1f} ", axes.x.pixel(bin.x), axes.y.pixel(bin.*value));
  list.pop_back();
  return list;
}

std::string drawn(const ChartLine& line, const Axes& axes) {
  auto backwards = line.bins;
  std::ranges::reverse(backwards);
  const std::string colour = run_colour(line.run);
  std::string svg;
  if (std::ranges::any_of(line.bins, [](const auto& bin) { return bin.lowest < bin.highest; })) {
    svg += fmt::format("<polygon points=\"{} {}\" fill=\"{}\" fill-opacity=\"0.15\"/>\n",
                       points(line.bins, &CurveBin::highest, axes), points(backwards, &CurveBin::lowest, axes), colour);
  }
  const auto& last = line.bins.back();
  return svg + fmt::format(
                   "<polyline points=\"{}\" stroke=\"{}\"><title>{}: {:.4g} at {} images</title></polyline>"
                   "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2\" fill=\"{}\"/>\n",
                   points(line.bins, &CurveBin::mean, axes), colour, escape_html(line.name), last.mean,
                   short_count(last.x), axes.x.pixel(last.x), axes.y.pixel(last.mean), colour);
}

// The last mean of each line, in its colour.
std::string newest(const std::vector<ChartLine>& lines) {
  std::string values;
  for (const auto& line : lines) {
    if (line.bins.empty()) continue;
    values += fmt::format(" <tspan fill=\"{}\">{:.4g}</tspan>", run_colour(line.run), line.bins.back().mean);
  }
  return values;
}

}  // namespace

std::string run_colour(size_t run) {
  constexpr std::array<const char*, 8> kColours = {"#1f77b4", "#d62728", "#2ca02c", "#9467bd",
                                                   "#ff7f0e", "#17becf", "#8c564b", "#e377c2"};
  return kColours[run % kColours.size()];
}

std::string svg_chart(const std::string& title, const std::vector<ChartLine>& lines, double last_x) {
  if (std::ranges::all_of(lines, [](const auto& line) { return line.bins.empty(); })) return "";
  const Axes axes = axes_of(lines, last_x);
  std::string svg = fmt::format("<svg viewBox=\"0 0 {} {}\" width=\"{}\" height=\"{}\" role=\"img\">\n", kWidth,
                                kHeight, kWidth, kHeight);
  svg += fmt::format("<text class=\"title\" x=\"{}\" y=\"16\">{}</text>\n", kLeft, escape_html(title));
  svg += fmt::format("<text x=\"{}\" y=\"16\" text-anchor=\"end\">{}</text>\n", kWidth - kRight, newest(lines));
  svg += grid(axes);
  for (const auto& line : lines) {
    if (!line.bins.empty()) svg += drawn(line, axes);
  }
  return svg + "</svg>\n";
}

}  // namespace fgm
