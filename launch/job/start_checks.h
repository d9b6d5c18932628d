#pragma once

#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "core/config/config.h"
#include "launch/coordinator/checkpoint_coordinator.h"
#include "launch/runtime/world.h"
#include "launch/weights/weights.h"

// What can be known of a command before its first step, but for the values of weights: a function for each subject,
// each cheap (names, headers, prompts). A command calls them in one function of its own, which its start and its
// `--dry-run` share: what one refuses, the other refuses in the same words.
namespace fgm {

// Who looks: the ranks of a job together, or a plan that has no job.
struct StartContext {
  int64_t num_ranks = 1;
  Communicator* control = nullptr;  // of the job's ranks; null for a plan
  bool is_dry_run = false;
  // Keys whose paths need not be there yet (a plan for another machine); none where it is empty.
  std::function<bool(const std::string& key)> may_lack = {};

  // The weights that `path` means, found by one rank for all; verified too where a start is going to load them.
  WeightsPlace find_weights(const std::filesystem::path& path, const std::vector<std::string>& roles) const;
  // Runs `body` on one rank, and what it throws, all throw.
  void once(const std::function<void()>& body) const;
};

// The context of a job's ranks.
StartContext context_of(World& world, bool is_dry_run);
// The context of a dry run that plans for `num_ranks` ranks. Paths that the command line gave must be there.
StartContext context_of_plan(int64_t num_ranks, const std::set<std::string>& given_keys);

// ConfigError unless a network of `model` can make `what` of height x width.
void check_image_size(const ModelConfig& model, int64_t height, int64_t width, const std::string& what);

// Requires that run.dir and run.resume let `run` make its `num_steps` steps: the checkpoint that it would resume from
// fits, and the guard against restarts without progress agrees. A dry run logs the step and what changed since.
// ConfigError, or the guard's error.
void check_resume(const StartContext& context, const SavedRun& run, int64_t num_steps);

}  // namespace fgm
