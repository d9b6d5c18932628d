#include "parallel/fsdp/sharded_block.h"

#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "core/base/error.h"

namespace fgm {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr const char* kRun = "run";

// The block on inputs of its own, cut from the graph around it.
struct InnerGraph {
  TensorList inputs;   // leaves
  TensorList outputs;  // with history
};

InnerGraph run_inner(Block& block, at::TensorList inputs) {
  const at::AutoGradMode grad_mode(true);
  InnerGraph graph;
  for (const auto& input : inputs) graph.inputs.push_back(input.detach().set_requires_grad(input.requires_grad()));
  graph.outputs = block.forward(graph.inputs);
  return graph;
}

// What backward needs of one forward. Lives in the node's saved_data, which autograd itself does not free.
struct SavedRun : torch::CustomClassHolder {
  ShardedUnit* unit = nullptr;
  bool was_trainable = false;
  InnerGraph graph;  // without outputs: to be run again
};

c10::intrusive_ptr<SavedRun> take_run(AutogradContext* ctx) {
  check(ctx->saved_data.find(kRun) != ctx->saved_data.end(),
        "a sharded block is differentiated a second time; it keeps no graph, so run forward again instead of "
        "retain_graph");
  auto run = c10::static_intrusive_pointer_cast<SavedRun>(ctx->saved_data.at(kRun).toCapsule());
  ctx->saved_data.clear();
  return run;
}

struct Gradients {
  TensorList inputs;      // undefined where none is needed
  TensorList parameters;  // empty when the unit is frozen
};

// Gathers, differentiates and lets go.
Gradients differentiate(SavedRun& run, const variable_list& output_gradients) {
  ShardedUnit& unit = *run.unit;
  const auto gathered = unit.gather();
  if (run.graph.outputs.empty()) run.graph = run_inner(unit.flat().block(), run.graph.inputs);
  TensorList outputs, seeds, wrt;
  for (size_t i = 0; i < run.graph.outputs.size(); ++i) {
    if (!run.graph.outputs[i].requires_grad()) continue;
    outputs.push_back(run.graph.outputs[i]);
    seeds.push_back(output_gradients[i]);
  }
  std::ranges::copy_if(run.graph.inputs, std::back_inserter(wrt), &at::Tensor::requires_grad);
  if (unit.is_trainable()) {
    for (const auto& parameter : unit.flat().parameters()) wrt.push_back(parameter.view);
  }
  const auto found = torch::autograd::grad(outputs, wrt, seeds, /*retain_graph=*/false, /*create_graph=*/false,
                                           /*allow_unused=*/true);
  auto next = found.begin();
  Gradients gradients;
  for (const auto& input : run.graph.inputs) gradients.inputs.push_back(input.requires_grad() ? *next++ : at::Tensor());
  gradients.parameters.assign(next, found.end());
  return gradients;
}

class ShardedBlockFunction : public torch::autograd::Function<ShardedBlockFunction> {
 public:
  // `anchor` needs a gradient when the unit is trainable, so that a node is made even where no input needs one.
  static variable_list forward(AutogradContext* ctx, ShardedUnit* unit, bool recompute, const at::Tensor& anchor,
                               at::TensorList inputs) {
    auto run = c10::make_intrusive<SavedRun>();
    run->unit = unit;
    run->was_trainable = anchor.requires_grad();
    {
      const auto gathered = unit->gather();
      run->graph = run_inner(unit->flat().block(), inputs);
    }
    variable_list outputs, constants;
    for (const auto& output : run->graph.outputs) {
      outputs.push_back(output.detach());
      if (!output.requires_grad()) constants.push_back(outputs.back());
    }
    ctx->mark_non_differentiable(constants);
    if (recompute) run->graph.outputs.clear();
    ctx->saved_data[kRun] = at::IValue::make_capsule(std::move(run));
    return outputs;
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& output_gradients) {
    check(!at::GradMode::is_enabled(), "a sharded block has no second derivative; differentiate without create_graph");
    const auto run = take_run(ctx);
    ShardedUnit& unit = *run->unit;
    check(unit.is_trainable() == run->was_trainable,
          "set_trainable() of block {} was called between its forward and its backward pass",
          unit.flat().block().name());
    const Gradients gradients = differentiate(*run, output_gradients);
    run->graph = {};
    if (unit.is_trainable()) unit.add_gradients(gradients.parameters);
    variable_list of_arguments(3);  // unit, recompute, anchor
    of_arguments.insert(of_arguments.end(), gradients.inputs.begin(), gradients.inputs.end());
    return of_arguments;
  }
};

bool needs_gradient(const ShardedUnit& unit, const TensorList& inputs) {
  return at::GradMode::is_enabled() && (unit.is_trainable() || std::ranges::any_of(inputs, &at::Tensor::requires_grad));
}

}  // namespace

TensorList run_sharded(ShardedUnit& unit, const TensorList& inputs, const BlockRunOptions& options) {
  if (!needs_gradient(unit, inputs)) {
    const at::NoGradGuard no_grad;
    const auto gathered = unit.gather();
    return unit.flat().block().forward(inputs);
  }
  const auto anchor = at::empty({0}).set_requires_grad(unit.is_trainable());
  return ShardedBlockFunction::apply(&unit, options.recompute, anchor, at::TensorList(inputs));
}

}  // namespace fgm
