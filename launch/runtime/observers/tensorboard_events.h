#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "core/train/step_observer.h"

namespace fgm {

// Protocol-buffer messages of TensorBoard's event.proto and summary.proto, encoded by hand; `wall_time` in
// seconds since 1970.
std::string encode_file_version(double wall_time);
// A run begins or goes on with `step`: TensorBoard drops what it has read of this step and later ones.
std::string encode_session_start(double wall_time, int64_t step);
std::string encode_scalars(double wall_time, int64_t step, const std::map<std::string, double>& values);
// `png` holds a whole PNG file; its size is read from it.
std::string encode_image(double wall_time, int64_t step, const std::string& tag, const std::string& png);

// Every value of every step as a TensorBoard scalar, in one new event file. TensorBoard shows the steps after
// `first_step` of this file alone, whatever earlier files of the folder hold of them.
class TensorboardEvents final : public StepObserver {
 public:
  // Makes `folder`/events.out.tfevents.<time>.<host>.<process>; IoError when it cannot be written. TensorBoard reads
  // files in the order of their names: the time is later than that of every file there, even where the clock is not.
  TensorboardEvents(const std::filesystem::path& folder, int64_t first_step);

  void on_step(int64_t step, int64_t num_steps, double seconds, const StepReport& report) override;

  // Shows the PNG file `png` under `tag`. IoError when it cannot be read or is not a PNG.
  void image(int64_t step, const std::string& tag, const std::filesystem::path& png);

 private:
  void write(const std::string& event);

  std::filesystem::path path_;
  std::ofstream file_;
};

}  // namespace fgm
