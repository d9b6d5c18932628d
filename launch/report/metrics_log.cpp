#include "launch/report/metrics_log.h"

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/base/error.h"

namespace fgm {
namespace {

// The line's object when it is one that a run writes, with a step and its images.
std::optional<nlohmann::json> parse_line(const std::string& line) {
  nlohmann::json json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  const auto is_count = [&](const char* key) {
    return json.contains(key) && json[key].is_number_integer() && json[key].get<int64_t>() >= 0;
  };
  if (!json.is_object() || !is_count("step") || !is_count("images")) return std::nullopt;
  return json;
}

bool is_curve(const std::string& key) {
  return key != "v" && key != "step" && key != "images" && key != "time";
}

class Reader {
 public:
  void read(std::ifstream& file) {
    for (std::string line; std::getline(file, line);) {
      ++num_lines_;
      const auto json = parse_line(line);
      const bool is_being_written = file.eof();
      if (json) {
        add(*json);
      } else if (!is_being_written) {
        if (num_damaged_++ == 0) first_damaged_ = num_lines_;
      }
    }
  }

  MetricsLog take() {
    const auto remark = [&](int64_t count, const std::string& text) {
      if (count > 0) log_.remarks.push_back(text);
    };
    remark(num_damaged_, fmt::format("{} damaged line(s) of metrics.jsonl are left out, the first is line {}",
                                     num_damaged_, first_damaged_));
    const int64_t num_missing = log_.last_step - static_cast<int64_t>(steps_.size());
    remark(num_missing, fmt::format("metrics.jsonl lacks {} of {} steps", num_missing, log_.last_step));
    remark(num_replaced_, fmt::format("{} steps of metrics.jsonl were made again by a later start", num_replaced_));
    remark(num_not_finite_, fmt::format("{} value(s) are not finite", num_not_finite_));
    return std::move(log_);
  }

 private:
  void add(const nlohmann::json& line) {
    const auto step = line["step"].get<int64_t>();
    drop_from(step);
    // A step that is missing saw as many images as the one that follows it.
    const int64_t before = steps_.empty() ? 0 : steps_.back().step;
    const double images_before = steps_.empty() ? 0.0 : steps_.back().images;
    const double images = images_before + line["images"].get<double>() * static_cast<double>(step - before);
    steps_.push_back({step, images, 0.0});
    log_.last_step = step;
    log_.images = images;
    log_.last_time = line.value("time", nlohmann::json()).is_number() ? line["time"].get<double>() : 0.0;
    log_.phase = line.value("phase", nlohmann::json()).is_string() ? line["phase"].get<std::string>() : "";
    for (const auto& [key, value] : line.items()) {
      if (value.is_number() && is_curve(key)) log_.series[key].push_back({step, images, value.get<double>()});
      if (value.is_null()) ++num_not_finite_;
    }
  }

  void drop_from(int64_t step) {
    if (steps_.empty() || steps_.back().step < step) return;
    const auto drop = [step](std::vector<MetricsPoint>& points) {
      int64_t count = 0;
      for (; !points.empty() && points.back().step >= step; ++count) points.pop_back();
      return count;
    };
    num_replaced_ += drop(steps_);
    for (auto& [key, points] : log_.series) drop(points);
  }

  MetricsLog log_;
  std::vector<MetricsPoint> steps_;
  int64_t num_lines_ = 0, num_damaged_ = 0, first_damaged_ = 0, num_replaced_ = 0, num_not_finite_ = 0;
};

}  // namespace

MetricsLog read_metrics(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return {};
  std::ifstream file(path);
  if (!file.is_open()) throw IoError(fmt::format("metrics file '{}' cannot be read", path.string()), last_error());
  Reader reader;
  reader.read(file);
  if (file.bad()) throw IoError(fmt::format("metrics file '{}' cannot be read", path.string()), last_error());
  return reader.take();
}

}  // namespace fgm
