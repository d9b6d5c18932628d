#include "launch/runtime/observers/metrics_file.h"

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/base/error.h"

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

}  // namespace

MetricsFile::MetricsFile(const std::filesystem::path& path) : path_(path), file_(std::fopen(path.c_str(), "ae")) {
  require<IoError>(file_ != nullptr, "metrics file '{}' cannot be opened: {}", path.string(), std::strerror(errno));
}

void MetricsFile::on_step(int64_t step, int64_t, double seconds, const StepReport& report) {
  nlohmann::ordered_json line = {{"v", kFormat}, {"step", step}, {"phase", report.phase}, {"images", report.images}};
  line["ms.total"] = seconds * 1e3;
  line["images_per_s"] = static_cast<double>(report.images) / seconds;
  line["mem.host"] = resident_bytes();
  for (const auto& [key, value] : report.values) line[key] = value;
  line["time"] = seconds_since_1970();

  const std::string text = line.dump() + "\n";
  const bool is_written = std::fwrite(text.data(), 1, text.size(), file_.get()) == text.size();
  const bool is_flushed = std::fflush(file_.get()) == 0;
  const int code = errno == ENOSPC ? kExitDoNotRequeue : kExitCrash;
  if (!is_written || !is_flushed) {
    throw IoError(fmt::format("metrics file '{}' cannot be written: {}", path_.string(), std::strerror(errno)), code);
  }
}

}  // namespace fgm
