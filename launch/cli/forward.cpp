#include <spdlog/spdlog.h>

#include "core/base/error.h"
#include "core/io/safetensors.h"
#include "launch/cli/commands.h"
#include "launch/cli/frozen_network.h"
#include "launch/coordinator/weights.h"
#include "launch/runtime/world.h"
#include "parallel/comm/consensus.h"

namespace fgm {
namespace {

const std::vector<std::string> kRoles = {"student_ema", "student", "teacher_ema", "teacher"};

const std::string& required_flag(const Invocation& invocation, const std::string& name) {
  const auto flag = invocation.flags.find(name);
  require<ConfigError>(flag != invocation.flags.end(), "'fgm forward' needs --{}", name);
  return flag->second;
}

// One of the inputs, float32 on `device`.
at::Tensor read_input(const SafetensorsFile& file, const std::string& name, at::Device device) {
  const auto input = at::empty(file.info(name).shape, at::kFloat);
  read_finite(file, name, 0, input);
  return input.to(device);
}

at::Tensor read_times(const SafetensorsFile& file, at::Device device) {
  const auto t_B = read_input(file, "t", device);
  require<ConfigError>(t_B.ge(0.0).logical_and(t_B.le(1.0)).all().item<bool>(),
                       "{}: t has values outside [0, 1]; it is diffusers' timestep / 1000", file.place());
  return t_B;
}

int forward(const Invocation& invocation) {
  const auto& weights_path = required_flag(invocation, "weights");
  const auto& inputs_path = required_flag(invocation, "inputs");
  const auto& out = required_flag(invocation, "out");
  World world(invocation.config);
  const OpenWeights weights = open_weights(find_weights(weights_path, kRoles, world.control()));
  const SafetensorsFile inputs(inputs_path);
  const auto x_t = read_input(inputs, "x_t", world.device());
  const auto t_B = read_times(inputs, world.device());
  const Conditioning condition{read_input(inputs, "context", world.device()),
                               read_input(inputs, "pooled", world.device())};
  if (!invocation.is_dry_run) {
    FrozenNetwork network(weights.info.config.model, at::kFloat, *weights.source, world.mesh().shard());
    // Every rank computes the whole batch: cut into rows, matrix products would run other kernels and round otherwise.
    const at::NoGradGuard no_grad;
    const auto velocity = network.model().velocity(x_t, t_B, condition);
    on_first_rank(world.control(), [&] { write_safetensors(out, {{"velocity", velocity}}); });
    spdlog::info("{}: velocity {} written to {}", weights.source->place(), fmt::join(velocity.sizes(), " x "), out);
  }
  world.close();
  return kExitDone;
}

}  // namespace

Command forward_command() {
  return {.name = "forward",
          .help = "evaluates a network once on given inputs, to compare it with another implementation",
          .run = forward,
          .sections = {"run", "mesh"},
          .flags = {{"weights", "PATH", "a run's folder, or a file or folder of Stable Diffusion 3 weights"},
                    {"inputs", "FILE", "safetensors: x_t [B,C,H,W], t [B] in [0,1], context [B,L,J], pooled [B,P]"},
                    {"out", "FILE", "safetensors to write: velocity [B,C,H,W], float32"}},
          .is_parallel = true};
}

}  // namespace fgm
