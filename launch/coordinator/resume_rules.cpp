#include "launch/coordinator/resume_rules.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/base/error.h"
#include "core/config/config.h"
#include "core/config/fields.h"
#include "core/train/lr_schedule.h"

namespace fgm {
namespace {

enum class Rule { kIgnored, kMayChange, kMustAgree, kMustStayZeroOrNot };

// Sections that are of no consequence in a phase.
const std::map<std::string, std::set<std::string>> kUnused = {{"train", {"teacher", "method", "student", "estimator"}},
                                                              {"distill", {"train", "optimizer"}}};

const std::set<std::string> kIgnoredSections = {"mesh", "parallel", "sample", "eval", "shapes"};
const std::set<std::string> kIgnoredKeys = {"run.dir",       "run.device",     "run.threads",      "run.log_every",
                                            "run.keep",      "run.save_every", "run.sample_every", "run.resume",
                                            "data.prefetch", "data.store",     "teacher.weights",  "teacher.replicate"};
const std::set<std::string> kFixedKeys = {"run.seed", "train.batch", "method.batch", "method.estimator_steps"};

Rule rule_of(const std::string& key, const std::string& phase) {
  const std::string section = key.substr(0, key.find('.'));
  const auto unused = kUnused.find(phase);
  if (unused != kUnused.end() && unused->second.contains(section)) return Rule::kIgnored;
  if (kIgnoredSections.contains(section) || kIgnoredKeys.contains(key)) return Rule::kIgnored;
  if (section == "model" || section == "text" || kFixedKeys.contains(key)) return Rule::kMustAgree;
  if (key.ends_with(".beta1") || key.ends_with(".ema")) return Rule::kMustStayZeroOrNot;
  return Rule::kMayChange;
}

bool is_zero(const std::string& value) {
  return std::stod(value) == 0.0;
}

std::map<std::string, std::string> values_of(const std::string& ini) {
  std::map<std::string, std::string> values;
  for (const auto& field : list_fields(Config())) values[field.key] = field.value;
  for (const auto& setting : parse_ini(ini, kManifestFile)) values[setting.key] = setting.value;
  return values;
}

void compare_configs(const Manifest& saved, const Manifest& now, RunDifferences& differences) {
  const auto there = values_of(saved.config), here = values_of(now.config);
  for (const auto& [key, value] : here) {
    const auto old = there.find(key);
    if (old == there.end() || old->second == value) continue;
    const Rule rule = rule_of(key, now.phase);
    if (rule == Rule::kIgnored) continue;
    const bool is_error =
        rule == Rule::kMustAgree || (rule == Rule::kMustStayZeroOrNot && is_zero(old->second) != is_zero(value));
    (is_error ? differences.errors : differences.warnings)
        .push_back(fmt::format("{} = {} there and {} here", key, old->second, value));
  }
}

Config config_of(const std::map<std::string, std::string>& values) {
  Config config;
  for (const auto& field : list_fields(config)) set(config, {field.key, values.at(field.key), ""});
  return config;
}

struct Rates {
  std::string key;
  OptimizerConfig optimizer;
  int64_t num_steps;
};

std::vector<Rates> rates_of(const std::string& ini, const std::string& phase) {
  const Config config = config_of(values_of(ini));
  if (phase == "train") return {{"optimizer.lr", config.train.optimizer, config.train.steps}};
  return {{"student.lr", config.method.student, config.method.steps},
          {"estimator.lr", config.method.estimator, config.method.steps}};
}

// Another number of steps stretches a falling schedule, which nobody sees in the number: a run that had come to its end
// goes on at a rate that it had left long ago.
void compare_rates(const Manifest& saved, const Manifest& now, RunDifferences& differences) {
  if (saved.step == 0) return;
  const auto there = rates_of(saved.config, now.phase), here = rates_of(now.config, now.phase);
  for (size_t i = 0; i < here.size(); ++i) {
    const auto is_flat = [](const Rates& rates) { return rates.optimizer.schedule == Schedule::kConstant; };
    const auto rate = [&](const Rates& rates, int64_t step) {
      return learning_rate(rates.optimizer, step, rates.num_steps);
    };
    if ((is_flat(there[i]) && is_flat(here[i])) || rate(there[i], saved.step) == rate(here[i], saved.step)) continue;
    differences.warnings.push_back(fmt::format(
        "the learning rate goes from {:.3g} in step {} to {:.3g} in step {} ({})", rate(there[i], saved.step - 1),
        saved.step, rate(here[i], saved.step), saved.step + 1, here[i].key));
  }
}

}  // namespace

RunDifferences compare_runs(const Manifest& saved, const Manifest& now) {
  RunDifferences differences;
  if (saved.phase != now.phase) {
    differences.errors.push_back(fmt::format("it is of `fgm {}` and this is `fgm {}`", saved.phase, now.phase));
    return differences;
  }
  compare_configs(saved, now, differences);
  compare_rates(saved, now, differences);
  if (saved.teacher && now.teacher && saved.teacher->xxh128 != now.teacher->xxh128) {
    differences.errors.push_back(fmt::format("teacher.weights = {} there (xxh128 {}) and {} here (xxh128 {})",
                                             saved.teacher->path, saved.teacher->xxh128, now.teacher->path,
                                             now.teacher->xxh128));
  }
  if (saved.data.size != now.data.size) {
    differences.warnings.push_back(
        fmt::format("data.store = {} with {} records there and {} with {} here: from here on samples come in another "
                    "order, and some of "
                    "this epoch's twice or not at all",
                    saved.data.store, saved.data.size, now.data.store, now.data.size));
  }
  if (saved.world != now.world || saved.threads != now.threads) {
    differences.notes.push_back(
        fmt::format("{} ranks of {} threads there and {} of {} here: sums are grouped otherwise, "
                    "so bits will differ from an uninterrupted run",
                    saved.world, saved.threads, now.world, now.threads));
  }
  return differences;
}

}  // namespace fgm
