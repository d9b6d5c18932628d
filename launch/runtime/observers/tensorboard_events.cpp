#include "launch/runtime/observers/tensorboard_events.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>

#include "core/base/error.h"
#include "core/base/number.h"
#include "core/io/atomic_file.h"
#include "core/io/file.h"
#include "launch/runtime/environment.h"
#include "launch/runtime/observers/tfrecord.h"

namespace fgm {
namespace {

enum WireType : uint64_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

std::string varint(uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  return out + static_cast<char>(value);
}

std::string tag_of(uint64_t field, WireType type) {
  return varint(field << 3 | type);
}

std::string varint_field(uint64_t field, int64_t value) {
  return tag_of(field, kVarint) + varint(static_cast<uint64_t>(value));
}

std::string bytes_field(uint64_t field, const std::string& bytes) {
  return tag_of(field, kBytes) + varint(bytes.size()) + bytes;
}

std::string float_field(uint64_t field, float value) {
  const auto bytes = std::bit_cast<std::array<char, sizeof(value)>>(value);
  return tag_of(field, kFixed32) + std::string(bytes.data(), bytes.size());
}

std::string double_field(uint64_t field, double value) {
  const auto bytes = std::bit_cast<std::array<char, sizeof(value)>>(value);
  return tag_of(field, kFixed64) + std::string(bytes.data(), bytes.size());
}

// Event { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5; }
std::string encode_event(double wall_time, int64_t step, const std::string& summary) {
  return double_field(1, wall_time) + varint_field(2, step) + bytes_field(5, summary);
}

// Big-endian width or height in the PNG's IHDR chunk.
int64_t png_size(const std::string& png, size_t offset) {
  int64_t size = 0;
  for (size_t i = offset; i < offset + 4; ++i) size = size << 8 | static_cast<uint8_t>(png[i]);
  return size;
}

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

const std::string kNamePrefix = "events.out.tfevents.";

// Whole seconds since 1970, after those in the name of every event file in `folder`.
int64_t time_for_name(const std::filesystem::path& folder) {
  auto time = static_cast<int64_t>(now());
  std::error_code not_there;  // opening the file says so
  for (const auto& entry : std::filesystem::directory_iterator(folder, not_there)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kNamePrefix)) continue;
    const auto earlier = parse_number<int64_t>(leading_digits(std::string_view(name).substr(kNamePrefix.size())));
    time = std::max(time, earlier.value_or(0) + 1);
  }
  return time;
}

}  // namespace

std::string encode_file_version(double wall_time) {
  return double_field(1, wall_time) + bytes_field(3, "brain.Event:2");
}

// Event { ... SessionLog session_log = 7; }  SessionLog { SessionStatus status = 1; }
std::string encode_session_start(double wall_time, int64_t step) {
  constexpr int64_t kStart = 1;
  return double_field(1, wall_time) + varint_field(2, step) + bytes_field(7, varint_field(1, kStart));
}

// Summary { repeated Value value = 1; }  Value { string tag = 1; float simple_value = 2; Image image = 4; }
std::string encode_scalars(double wall_time, int64_t step, const std::map<std::string, double>& values) {
  std::string summary;
  for (const auto& [key, value] : values) {
    summary += bytes_field(1, bytes_field(1, key) + float_field(2, static_cast<float>(value)));
  }
  return encode_event(wall_time, step, summary);
}

// Image { int32 height = 1; int32 width = 2; int32 colorspace = 3; bytes encoded_image_string = 4; }
std::string encode_image(double wall_time, int64_t step, const std::string& tag, const std::string& png) {
  constexpr size_t kWidthOffset = 16, kHeightOffset = 20, kHeaderSize = 24;
  constexpr int64_t kRgb = 3;
  require<IoError>(png.size() >= kHeaderSize && png.starts_with("\x89PNG\r\n\x1a\n"), "image '{}' is not a PNG", tag);
  const std::string image = varint_field(1, png_size(png, kHeightOffset)) +
                            varint_field(2, png_size(png, kWidthOffset)) + varint_field(3, kRgb) + bytes_field(4, png);
  return encode_event(wall_time, step, bytes_field(1, bytes_field(1, tag) + bytes_field(4, image)));
}

TensorboardEvents::TensorboardEvents(const std::filesystem::path& folder, int64_t first_step)
    : path_(folder / fmt::format("{}{}.{}.{}", kNamePrefix, time_for_name(folder), host_name(), getpid())),
      file_(path_, std::ios::binary) {
  if (!file_.is_open()) throw_write_error(path_, "open", last_error());
  write(encode_file_version(now()));
  // TensorBoard takes the first of a folder for its beginning and drops nothing; files of fgm 0.1.0 have none.
  for (int i = 0; i < 2; ++i) write(encode_session_start(now(), first_step + 1));
}

void TensorboardEvents::on_step(int64_t step, int64_t, double, const StepReport& report) {
  if (!report.values.empty()) write(encode_scalars(now(), step, report.values));
}

void TensorboardEvents::image(int64_t step, const std::string& tag, const std::filesystem::path& png) {
  write(encode_image(now(), step, tag, read_file(png)));
}

void TensorboardEvents::write(const std::string& event) {
  file_ << tfrecord(event) << std::flush;
  if (!file_) throw_write_error(path_, "write", last_error());
}

}  // namespace fgm
