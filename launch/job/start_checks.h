#pragma once

#include <filesystem>
#include <functional>
#include <set>
#include <span>
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

// Who looks: the ranks of a job together, or a dry run that has no job.
struct StartContext {
  int64_t num_ranks = 1;
  // find_weights() for every rank. A dry run compares no digests.
  std::function<WeightsPlace(const std::filesystem::path&, const std::vector<std::string>& roles)> find_weights = {};
  // Runs on one rank, and what it throws, all throw.
  std::function<void(const std::function<void()>&)> once = {};
  bool is_dry_run = false;
  // Keys whose paths need not be there yet (a plan for another machine); none where it is empty.
  std::function<bool(const std::string& key)> may_lack = {};
};

StartContext context_of(World& world, bool is_dry_run);
// Of a dry run that plans for `num_ranks` ranks. What was given on the command line must be there.
StartContext context_of_plan(int64_t num_ranks, const std::set<std::string>& given_keys);

// Captions that `text` cannot hold. ConfigError naming `place`, their number, the first, and what to do: the number of
// tokens that would do, or, where `is_fixed` by weights that were trained with it, that only other captions will.
void check_captions(std::span<const std::string> captions, const TextConfig& text, const std::string& place,
                    bool is_fixed);

// ConfigError unless a network of `model` can draw `what` of height x width.
void check_image_size(const ModelConfig& model, int64_t height, int64_t width, const std::string& what);

// Whether run.dir and run.resume let `run` make its `num_steps` steps: what it goes on from, and the guard against
// starts without progress. A dry run logs the step and what changed since.
void check_resume(const StartContext& context, const SavedRun& run, int64_t num_steps);

}  // namespace fgm
