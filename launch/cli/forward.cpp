#include <spdlog/spdlog.h>

#include "core/base/error.h"
#include "core/io/output_path.h"
#include "core/io/safetensors.h"
#include "core/models/model_factory.h"
#include "core/train/roles.h"
#include "launch/cli/commands.h"
#include "launch/job/start_checks.h"
#include "launch/weights/frozen_network.h"
#include "parallel/comm/control_collectives.h"

namespace fgm {
namespace {

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

struct ForwardStart {
  OpenWeights weights;
  at::Tensor x_t, t_B;
  Conditioning condition;
};

// See start_checks.h.
ForwardStart check_start(const std::string& weights, const std::string& inputs, at::Device device,
                         const StartContext& context) {
  ForwardStart start{.weights = open_weights(context.find_weights(weights, role::kStudentsThenTeachers)),
                     .x_t = {},
                     .t_B = {},
                     .condition = {}};
  const ModelConfig& model = start.weights.info.config.model;
  require_network(model, *start.weights.source);
  const SafetensorsFile file(inputs);
  start.x_t = read_input(file, "x_t", device);
  start.t_B = read_times(file, device);
  start.condition = {read_input(file, "context", device), read_input(file, "pooled", device)};
  check_inputs(model, start.x_t, start.t_B, start.condition);
  check_image_size(model, start.x_t.size(2), start.x_t.size(3), file.place() + ": x_t");
  return start;
}

int forward(const Invocation& invocation) {
  const std::string weights = invocation.flags.text("weights"), inputs = invocation.flags.text("inputs"),
                    out = invocation.flags.text("out");
  World world(invocation.config);
  on_first_rank(world.control(), [&] { check_output_file(out); });
  const ForwardStart start = check_start(weights, inputs, world.device(), context_of(world, invocation.is_dry_run));
  if (!invocation.is_dry_run) {
    const auto& [info, source, is_external] = start.weights;
    FrozenNetwork network(info.config.model, at::kFloat, *source, world.mesh().shard());
    // Every rank computes the whole batch: cut into rows, matrix products would run other kernels and round otherwise.
    const at::NoGradGuard no_grad;
    const auto velocity = network.model().velocity(start.x_t, start.t_B, start.condition);
    on_first_rank(world.control(), [&] {
      make_folder_of(out);
      write_safetensors(out, {{"velocity", velocity}});
    });
    spdlog::info("{}: velocity {} written to {}", source->place(), fmt::join(velocity.sizes(), " x "), out);
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
          .flags = {required_flag("weights", "PATH",
                                  "a run's folder, a file or folder of Stable Diffusion 3 weights, or a U-Net's file"),
                    required_flag("inputs", "FILE",
                                  "safetensors: x_t [B,C,H,W], t [B] in [0,1], context [B,L,J], pooled [B,P]"),
                    required_flag("out", "FILE", "safetensors to write: velocity [B,C,H,W], float32")},
          .is_parallel = true};
}

}  // namespace fgm
