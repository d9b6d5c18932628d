#include "launch/runtime/observers/metrics_file.h"

#include <unistd.h>

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/io/atomic_file.h"
#include "core/io/file.h"

namespace fgm {
namespace {

constexpr int kFormat = 1;

double seconds_since_1970() {
  using namespace std::chrono;
  return static_cast<double>(duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count()) * 1e-3;
}

int64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  int64_t virtual_pages = 0, resident_pages = 0;
  statm >> virtual_pages >> resident_pages;
  return resident_pages * sysconf(_SC_PAGESIZE);
}

bool is_line_up_to(const std::string& line, int64_t step) {
  const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  return json.is_object() && json.contains("step") && json["step"].is_number_integer() && json["step"] <= step;
}

void drop_lines_after(const std::filesystem::path& path, int64_t step) {
  std::ifstream file(path);
  if (!file.is_open()) return;
  std::string kept;
  bool is_changed = false;
  for (std::string line; std::getline(file, line);) {
    const bool is_whole = !file.eof();  // a line without its newline was cut off
    if (is_whole && is_line_up_to(line, step)) {
      kept += line + "\n";
    } else {
      is_changed = true;
    }
  }
  if (file.bad()) throw IoError(fmt::format("metrics file '{}' cannot be read", path.string()), last_error());
  if (is_changed) write_file(path, kept);
}

// A path that is no regular file ("/dev/null") has nothing to go on with.
std::FILE* open_after(const std::filesystem::path& path, int64_t first_step) {
  if (std::filesystem::is_regular_file(path)) drop_lines_after(path, first_step);
  return std::fopen(path.c_str(), "ae");
}

}  // namespace

MetricsFile::MetricsFile(const std::filesystem::path& path, int64_t first_step)
    : path_(path), file_(open_after(path, first_step)) {
  if (file_ == nullptr) throw_write_error(path, "open", last_error());
}

void MetricsFile::on_step(int64_t step, int64_t, double seconds, const StepReport& report) {
  nlohmann::ordered_json line = {{"v", kFormat}, {"step", step}, {"phase", report.command}, {"images", report.images}};
  line["images_per_s"] = static_cast<double>(report.images) / seconds;
  line["mem.host"] = resident_bytes();
  for (const auto& [key, value] : report.values) line[key] = value;
  line["time"] = seconds_since_1970();

  const std::string text = line.dump() + "\n";
  const bool is_written = std::fwrite(text.data(), 1, text.size(), file_.get()) == text.size();
  const bool is_flushed = std::fflush(file_.get()) == 0;
  if (!is_written || !is_flushed) throw_write_error(path_, "write", last_error());
}

}  // namespace fgm
