#include "launch/report/page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/base/version.h"
#include "launch/report/chart.h"
#include "launch/report/page_parts.h"

namespace fgm {
namespace {

constexpr int64_t kMostBins = 240;

constexpr const char* kHead = R"(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"/><meta name="viewport" content="width=device-width"/>
<title>fgm report</title><style>
body { font: 14px/1.4 system-ui, sans-serif; margin: 1.5em; max-width: 1340px; color: #222; background: #fff; }
h1 { font-size: 1.5em; } h2 { font-size: 1.2em; margin: 1.6em 0 .5em; } h3 { font-size: 1em; margin: 1em 0 .3em; }
table { border-collapse: collapse; margin: .3em 0; } td, th { padding: .15em .8em .15em 0; text-align: left; }
th { border-bottom: 1px solid #888; font-weight: 600; } td { font-variant-numeric: tabular-nums; }
svg { margin: 0 8px 8px 0; } svg text { font: 11px system-ui, sans-serif; fill: #555; } svg line { stroke: #e4e4e4; }
svg text.title { font-size: 13px; font-weight: 600; fill: #222; } polyline { fill: none; stroke-width: 1.5; }
figure { display: inline-block; margin: 0 8px 8px 0; } figcaption { font-size: 12px; color: #555; }
img { width: 300px; image-rendering: pixelated; } .warn { color: #a40000; } .dot { font-size: 1.3em; }
</style></head><body>
)";

// What a reader looks at first; the others follow in the order of their names.
const std::vector<std::string> kFirstCharts = {
    "score.overall", "score.frechet",  "loss.teacher",     "l1", "cosine", "l2",
    "loss.student",  "loss.estimator", "grad_norm.teacher"};

bool is_charted(const std::string& key) {
  return !key.starts_with("ms.") && !key.starts_with("mem.");
}

std::vector<std::string> charted_keys(std::span<const RunRecord> runs) {
  std::set<std::string> keys;
  for (const auto& run : runs) {
    for (const auto& [key, points] : run.metrics.series) keys.insert(key);
  }
  std::vector<std::string> ordered;
  for (const auto& key : kFirstCharts) {
    if (keys.erase(key) > 0) ordered.push_back(key);
  }
  std::ranges::copy_if(keys, std::back_inserter(ordered), is_charted);
  return ordered;
}

// A line for each run: what `bins` makes of its metrics.
template <typename Bins>
std::string chart(const std::string& title, std::span<const RunRecord> runs, const Bins& bins) {
  std::vector<ChartLine> lines;
  double last_x = 0.0;
  for (size_t i = 0; i < runs.size(); ++i) {
    lines.push_back({runs[i].name, i, bins(runs[i].metrics)});
    last_x = std::max(last_x, runs[i].metrics.images);
  }
  return svg_chart(title, lines, last_x);
}

std::vector<CurveBin> bins_of_key(const MetricsLog& log, const std::string& key, int64_t most) {
  const auto series = log.series.find(key);
  return series == log.series.end() ? std::vector<CurveBin>() : bins_of(series->second, most);
}

// What DistillMonitor watches, in bins that are wide enough to mean something.
std::vector<CurveBin> error_shares(const MetricsLog& log) {
  constexpr int64_t kBins = 40;
  auto shares = bins_of_key(log, "l2", kBins);
  const auto l1 = bins_of_key(log, "l1", kBins);
  if (l1.size() != shares.size()) return {};
  for (size_t i = 0; i < shares.size(); ++i) {
    const double share = -shares[i].mean / (2.0 * l1[i].mean);
    shares[i] = {shares[i].x, share, share, share};
  }
  std::erase_if(shares, [](const auto& bin) { return !std::isfinite(bin.mean); });
  return shares;
}

std::string charts(std::span<const RunRecord> runs) {
  std::string html;
  for (const auto& key : charted_keys(runs)) {
    if (key == "loss.student") html += chart("-l2 / (2 l1)", runs, error_shares);
    html += chart(key, runs, [&](const MetricsLog& log) { return bins_of_key(log, key, kMostBins); });
  }
  return html.empty() ? "" : "<h2>Curves, over the images seen</h2>\n" + html;
}

}  // namespace

std::string report_page(std::span<const RunRecord> runs) {
  return kHead + overview(runs) + charts(runs) + score_tables(runs) + sample_grids(runs) + checkpoint_tables(runs) +
         settings_tables(runs) +
         fmt::format("<p>Written by fgm {} ({}).</p>\n</body></html>\n", version(), version_commit());
}

}  // namespace fgm
