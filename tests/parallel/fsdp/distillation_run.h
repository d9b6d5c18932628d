#pragma once

#include <map>
#include <optional>

#include "core/methods/distill_step.h"
#include "parallel/optim/fsdp_engine.h"
#include "tests/support/synthetic_source.h"
#include "tests/support/tiny_mmdit.h"

namespace fgm::support {

struct DistillationSetup {
  int64_t batch = 12;
  int64_t num_steps = 10;
  bool recompute = false;
  bool replicates_teacher = false;
  bool learns_images = false;  // by RealUID; else FGM
  at::ScalarType dtype = at::kDouble;
};

// What a rank saw of a run.
struct DistillationRecord {
  std::vector<double> values;               // losses, L1 and gradient norms of every step
  std::map<std::string, StateSlice> state;  // copies of this rank's slices, by network, part and name
  at::Tensor samples;                       // 4 images of each average of the student, drawn after the last step
};

// Distils a tiny MM-DiT on `mesh`; a pure function of its arguments. Collective over the mesh.
inline DistillationRecord distil(const DeviceMesh& mesh, const DistillationSetup& setup) {
  const auto teacher = tiny_mmdit(1, setup.dtype), student = tiny_mmdit(2, setup.dtype);
  const auto estimator = tiny_mmdit(3, setup.dtype);
  MethodConfig method;
  method.lambda_1 = -0.4;
  if (setup.learns_images) {
    method.loss = StudentLossKind::kRealUid;
    method.realuid_alpha = 0.75;
    method.realuid_beta = 0.5;
  }
  method.init_time = 0.714;
  method.teacher_guidance = 1.5;
  method.student = {.lr = 1e-3, .beta1 = 0.0, .beta2 = 0.99, .clip = 1.0, .ema = {0.9, 0.5}};
  method.estimator = {.lr = 2e-3, .weight_decay = 0.01, .clip = 1.0};

  const FsdpOptions options{.recompute = setup.recompute,
                            .pool = std::make_shared<UnitPool>(at::kCPU, /*poisons=*/true)};
  std::optional<ShardedModel> sharded_teacher;
  if (!setup.replicates_teacher) sharded_teacher.emplace(*teacher, mesh.shard(), options);
  FsdpEngine student_engine(*student, method.student, mesh, options);
  FsdpEngine estimator_engine(*estimator, method.estimator, mesh, options);

  Communicator& world = mesh.world();
  const AllReduceSum sum = [&](std::span<double> values) {
    world.all_reduce(at::from_blob(values.data(), {std::ssize(values)}, at::kDouble), Reduce::kSum).wait();
  };
  SyntheticSource source(setup.batch, kTinyShape, 5, rank_rows(setup.batch, world.rank(), world.size()));
  DistillStep step(
      {*teacher, student_engine, estimator_engine},
      {.seed = 5, .method = method, .sample_shape = kTinyShape, .tensors = setup.dtype, .sum_over_ranks = sum});
  DistillationRecord record;
  for (int64_t s = 0; s < setup.num_steps; ++s) {
    const StepReport report = step.run(s, source);
    for (const char* key : {"loss.estimator", "loss.student", "l1", "grad_norm.estimator", "grad_norm.student"})
      record.values.push_back(report.values.at(key));
  }
  for (const auto& [network, engine] : {std::pair("student", &student_engine), {"estimator", &estimator_engine}}) {
    for (StateSlice& slice : engine->state()) {
      slice.values = slice.values.clone();
      record.state.emplace(fmt::format("{}/{}/{}", network, slice.part, slice.name), std::move(slice));
    }
  }
  const auto z = RandomStream(9, "z").normal(0, 0, 4, kTinyShape).to(setup.dtype);
  const auto draw = [&] {
    return student->velocity(z, at::full({4}, 0.7f), {at::ones({4, 3, 2}, setup.dtype), at::ones({4, 5}, setup.dtype)});
  };
  std::vector<at::Tensor> samples;
  for (size_t i = 0; i < method.student.ema.size(); ++i) {
    student_engine.with_ema([&] { samples.push_back(draw()); }, i);
  }
  record.samples = at::cat(samples);
  return record;
}

}  // namespace fgm::support
