#include "launch/report/page_parts.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/io/file.h"
#include "launch/inspect/text_table.h"
#include "launch/report/chart.h"
#include "launch/report/html.h"

namespace fgm {
namespace {

using Json = nlohmann::ordered_json;
using Rows = std::vector<std::vector<std::string>>;

constexpr size_t kMostGrids = 8;
constexpr size_t kMostGridBytes = 16 << 20;

std::string heading(int level, const std::string& text) {
  return fmt::format("<h{0}>{1}</h{0}>\n", level, escape_html(text));
}

std::string paragraph(const std::string& text, const char* css_class = "") {
  return fmt::format("<p class=\"{}\">{}</p>\n", css_class, escape_html(text));
}

// "-" for what is no time: a damaged file may hold any number.
std::string utc(double seconds_since_1970) {
  constexpr double kYear10000 = 253402300800;
  if (!(seconds_since_1970 > 0.0 && seconds_since_1970 < kYear10000)) return "-";
  return fmt::format("{:%F %T}", fmt::gmtime(static_cast<std::time_t>(seconds_since_1970)));
}

std::string setting(const RunRecord& run, const std::string& key) {
  const auto found = run.settings.find(key);
  return found == run.settings.end() ? "" : found->second;
}

std::vector<std::string> overview_row(const RunRecord& run) {
  const MetricsLog& log = run.metrics;
  const bool is_done = run.run.is_object() && run.run["done"].get<bool>();
  const std::string num_steps = setting(run, log.phase == "train" ? "train.steps" : "method.steps");
  return {run.name,
          log.phase,
          fmt::format("{} of {}", log.last_step, num_steps.empty() ? "?" : num_steps),
          fmt::format("{:.0f}", log.images),
          utc(log.last_time),
          is_done ? "finished" : "not finished",
          run.version};
}

std::string value_text(const Json& value) {
  if (value.is_array()) {
    std::vector<std::string> texts;
    for (const auto& element : value) texts.push_back(element.is_array() ? cell(element) : value_text(element));
    return fmt::format("[{}]", fmt::join(texts, ", "));
  }
  return value.is_number_float() ? fmt::format("{:.4g}", value.get<double>()) : cell(value);
}

// Adds the values of `json` as (title, text), those of inner objects under "outer.inner".
void flatten(const Json& json, const std::string& prefix, std::vector<std::pair<std::string, std::string>>& values) {
  for (const auto& [key, value] : json.items()) {
    if (value.is_object()) {
      flatten(value, key == "categories" ? prefix : prefix + key + ".", values);
    } else {
      values.emplace_back(prefix + key, value_text(value));
    }
  }
}

std::string score_table(const Json& scores) {
  std::vector<std::string> titles = {"model"};
  Rows rows;
  Json shown = scores["models"];
  if (scores.contains("floor")) shown["floor (real against real)"] = scores["floor"];
  for (const auto& [name, model] : shown.items()) {
    std::vector<std::pair<std::string, std::string>> values;
    if (model.is_object()) flatten(model, "", values);
    std::vector<std::string> row(titles.size());
    row[0] = name;
    for (const auto& [title, text] : values) {
      const auto column = std::ranges::find(titles, title) - titles.begin();
      if (column == std::ssize(titles)) titles.push_back(title);
      row.resize(titles.size());
      row[static_cast<size_t>(column)] = text;
    }
    rows.push_back(std::move(row));
  }
  for (auto& row : rows) row.resize(titles.size());
  return html_table(titles, rows);
}

// What the figures are measured by, and what is missing.
std::string score_notes(const Json& scores) {
  std::vector<std::string> terms;
  for (const char* key : {"distance", "features", "opponent", "prompts", "samples"}) {
    if (scores.contains(key)) terms.push_back(fmt::format("{}: {}", key, cell(scores[key])));
  }
  std::string html = terms.empty() ? "" : paragraph(fmt::format("{}", fmt::join(terms, ", ")));
  const auto notes = scores.value("notes", Json());
  if (!notes.is_array()) return html;
  for (const auto& note : notes) html += paragraph(cell(note));
  return html;
}

// At most kMostGrids of `samples`, evenly spaced, the first and the last among them.
std::vector<SampleFile> chosen(const std::vector<SampleFile>& samples) {
  if (samples.size() <= kMostGrids) return samples;
  std::vector<SampleFile> some;
  for (size_t i = 0; i < kMostGrids; ++i) some.push_back(samples[i * (samples.size() - 1) / (kMostGrids - 1)]);
  return some;
}

// The grid as a figure; a sentence where it cannot be shown. `bytes_left` of the page are for grids.
std::string figure(const SampleFile& sample, size_t& bytes_left) {
  const std::string step = fmt::format("step {}", sample.step);
  std::string png;
  try {
    png = read_file(sample.path);
  } catch (const IoError& error) {
    return paragraph(error.what(), "warn");
  }
  if (!png.starts_with("\x89PNG\r\n\x1a\n")) return paragraph(sample.path.string() + " is not a PNG", "warn");
  if (png.size() > bytes_left) return paragraph(step + " is left out: the page would be too large");
  bytes_left -= png.size();
  return fmt::format(
      "<figure><img alt=\"{0}\" src=\"data:image/png;base64,{1}\"/><figcaption>{0}</figcaption></figure>\n", step,
      base64(png));
}

std::string checkpoint_table(const Json& checkpoints) {
  Rows rows;
  for (const auto& row : checkpoints) {
    rows.push_back({cell(row["name"]), cell(row["step"]), cell(row["world"]), human_bytes(row["bytes"].get<double>()),
                    cell(row["time"]), cell(row["status"]), row["problem"].is_null() ? "" : cell(row["problem"])});
  }
  return html_table({"checkpoint", "step", "ranks", "size", "written (UTC)", "status", "problem"}, rows);
}

// The keys whose values are not the same in all runs; a run's folder is always its own.
Rows differing_settings(std::span<const RunRecord> runs) {
  std::set<std::string> keys;
  for (const auto& run : runs) {
    for (const auto& [key, value] : run.settings) keys.insert(key);
  }
  keys.erase("run.dir");
  Rows rows;
  for (const auto& key : keys) {
    std::vector<std::string> row = {key};
    for (const auto& run : runs) row.push_back(run.settings.contains(key) ? setting(run, key) : "(no such key)");
    if (std::ranges::count(row, row[1]) < std::ssize(runs)) rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

std::string overview(std::span<const RunRecord> runs) {
  std::string legend, problems;
  Rows rows;
  for (size_t i = 0; i < runs.size(); ++i) {
    rows.push_back(overview_row(runs[i]));
    legend += fmt::format("<span class=\"dot\" style=\"color:{}\">&#9632;</span> {}&#160;&#160; ", run_colour(i),
                          escape_html(runs[i].name));
    for (const auto* remarks : {&runs[i].remarks, &runs[i].metrics.remarks}) {
      for (const auto& remark : *remarks) problems += paragraph(runs[i].name + ": " + remark, "warn");
    }
  }
  return heading(1, "fgm report") + "<p>" + legend + "</p>\n" +
         html_table({"run", "phase", "step", "images seen", "last step written (UTC)", "state", "program"}, rows) +
         problems;
}

std::string score_tables(std::span<const RunRecord> runs) {
  std::string html;
  for (const auto& run : runs) {
    if (!run.scores.is_null()) html += heading(3, run.name) + score_table(run.scores) + score_notes(run.scores);
  }
  return html.empty() ? "" : heading(2, "Scores of fgm eval (report.json)") + html;
}

std::string sample_grids(std::span<const RunRecord> runs) {
  std::string html;
  size_t bytes_left = kMostGridBytes;
  for (const auto& run : runs) {
    if (run.samples.empty()) continue;
    html += heading(3, run.name);
    for (const auto& sample : chosen(run.samples)) html += figure(sample, bytes_left);
  }
  return html.empty() ? "" : heading(2, "Samples, from the same noise and captions") + html;
}

std::string checkpoint_tables(std::span<const RunRecord> runs) {
  std::string html;
  for (const auto& run : runs) {
    const std::string table = run.run.is_object() ? checkpoint_table(run.run["checkpoints"]) : "";
    html += heading(3, run.name) + (table.empty() ? paragraph("no checkpoint yet") : table);
  }
  return heading(2, "Checkpoints") + html;
}

std::string settings_tables(std::span<const RunRecord> runs) {
  std::string html = heading(2, "Settings");
  if (runs.size() > 1) {
    std::vector<std::string> titles = {"setting"};
    for (const auto& run : runs) titles.push_back(run.name);
    const std::string table = html_table(titles, differing_settings(runs));
    html += heading(3, "What differs") + (table.empty() ? paragraph("nothing") : table);
  }
  for (const auto& run : runs) {
    Rows rows;
    for (const auto& [key, value] : run.settings) rows.push_back({key, value});
    html += fmt::format("<details><summary>All settings of {}</summary>\n{}</details>\n", escape_html(run.name),
                        html_table({"setting", "value"}, rows));
  }
  return html;
}

}  // namespace fgm
