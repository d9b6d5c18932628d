#include "launch/coordinator/run_owner.h"

#include <fmt/chrono.h>
#include <unistd.h>

#include <ctime>
#include <nlohmann/json.hpp>
#include <random>
#include <utility>

#include "core/base/error.h"
#include "core/io/file.h"
#include "launch/runtime/environment.h"

namespace fgm {

std::string draw_nonce() {
  std::random_device device;
  return fmt::format("{:08x}{:08x}", device(), device());
}

RunOwner::RunOwner(std::filesystem::path file) : file_(std::move(file)) {}

void RunOwner::take() {
  const nlohmann::ordered_json owner = {{"host", host_name()},
                                        {"pid", ::getpid()},
                                        {"slurm_job", read_environment().slurm_job},
                                        {"time", fmt::format("{:%FT%TZ}", fmt::gmtime(std::time(nullptr)))},
                                        {"nonce", draw_nonce()}};
  text_ = owner.dump() + "\n";
  write_file(file_, text_);
}

void RunOwner::require_held() const {
  require<DoNotRequeueError>(std::filesystem::exists(file_),
                             "{} was removed while this job ran; it leaves the checkpoints as they are",
                             file_.string());
  const std::string text = read_file(file_);
  require<DoNotRequeueError>(text == text_,
                             "a later start has taken this run over, and this one leaves the checkpoints as they are; "
                             "{}: {}",
                             file_.string(), text.substr(0, text.find('\n')));
}

}  // namespace fgm
