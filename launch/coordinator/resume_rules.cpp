#include "launch/coordinator/resume_rules.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/base/error.h"
#include "core/base/number.h"
#include "core/config/config.h"
#include "core/config/fields.h"
#include "core/train/lr_schedule.h"

namespace fgm {
namespace {

// Sections that are of no consequence to a command.
const std::map<std::string, std::set<std::string>> kUnused = {{"train", {"teacher", "method", "student", "estimator"}},
                                                              {"distill", {"train", "optimizer"}}};

bool is_unused(const std::string& key, const std::string& command) {
  const auto unused = kUnused.find(command);
  return unused != kUnused.end() && unused->second.contains(key.substr(0, key.find('.')));
}

// What a value says of the state that its run keeps: whether it, or the first of a list, is 0, and the rest of the
// list.
std::pair<bool, std::string> kept_state(const std::string& value) {
  const size_t rest = std::min(value.find(','), value.size());
  return {parse_number<double>(value.substr(0, rest)) == 0.0, value.substr(rest)};
}

// The default config of the text's kind of model, on which it depends which fields there are.
Config defaults_of(const std::string& ini) {
  Config config;
  for (const auto& setting : parse_ini(ini, kManifestFile)) {
    if (setting.key == "model.kind") set(config, setting);
  }
  return config;
}

std::map<std::string, std::string> values_of(const std::string& ini) {
  std::map<std::string, std::string> values;
  for (const auto& field : list_fields(defaults_of(ini))) values[field.key] = field.value;
  for (const auto& setting : parse_ini(ini, kManifestFile)) values[setting.key] = setting.value;
  return values;
}

void compare_configs(const Manifest& saved, const Manifest& now, RunDifferences& differences) {
  const auto there = values_of(saved.config), here = values_of(now.config);
  auto fields = list_fields(defaults_of(now.config));
  std::ranges::sort(fields, {}, &FieldInfo::key);
  for (const auto& field : fields) {
    if (!there.contains(field.key)) continue;  // The checkpoint has another model.kind, which is an error by itself.
    const std::string &key = field.key, &old = there.at(key), &value = here.at(key);
    if (old == value || field.on_resume == OnResume::kIgnore || is_unused(key, now.command)) continue;
    const bool is_error = field.on_resume == OnResume::kRefuse ||
                          (field.on_resume == OnResume::kRefuseZeroOrNot && kept_state(old) != kept_state(value));
    (is_error ? differences.errors : differences.warnings)
        .push_back(fmt::format("{}: the checkpoint has {}, this run {}", key, old, value));
  }
}

Config config_of(const std::string& ini) {
  const auto values = values_of(ini);
  Config config = defaults_of(ini);
  for (const auto& field : list_fields(config)) set(config, {field.key, values.at(field.key), ""});
  return config;
}

struct Rates {
  std::string key;
  OptimizerConfig optimizer;
  int64_t num_steps;
};

std::vector<Rates> rates_of(const std::string& ini, const std::string& command) {
  const Config config = config_of(ini);
  if (command == "train") return {{"optimizer.lr", config.train.optimizer, config.train.steps}};
  return {{"student.lr", config.method.student, config.method.steps},
          {"estimator.lr", config.method.estimator, config.method.steps}};
}

// A regression's checkpoint holds no estimator.
void compare_losses(const Manifest& saved, const Manifest& now, RunDifferences& differences) {
  const auto is_regression = [](const std::string& ini) { return config_of(ini).method.is_regression(); };
  if (now.command != "distill" || is_regression(saved.config) == is_regression(now.config)) return;
  differences.errors.push_back(
      "method.loss: a regression trains no estimator, so no other loss resumes from it, nor it from another; give "
      "another run.dir, and the run that is there as student.init");
}

// Another number of steps stretches a falling schedule, which nobody sees in the number: a run that had come to its end
// resumes at a rate that it had left long ago.
void compare_rates(const Manifest& saved, const Manifest& now, RunDifferences& differences) {
  if (saved.step == 0) return;
  const auto there = rates_of(saved.config, now.command), here = rates_of(now.config, now.command);
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
  if (saved.command != now.command) {
    differences.errors.push_back(
        fmt::format("the checkpoint is of `fgm {}`, this run of `fgm {}`", saved.command, now.command));
    return differences;
  }
  compare_configs(saved, now, differences);
  compare_losses(saved, now, differences);
  compare_rates(saved, now, differences);
  if (saved.teacher && now.teacher && saved.teacher->xxh128 != now.teacher->xxh128) {
    differences.errors.push_back(
        fmt::format("teacher.weights: the checkpoint has {} (xxh128 {}), this run {} (xxh128 {})", saved.teacher->path,
                    saved.teacher->xxh128, now.teacher->path, now.teacher->xxh128));
  }
  const std::string &old_captions = saved.data.captions_xxh128, &captions = now.data.captions_xxh128;
  if (saved.data.size != now.data.size) {
    differences.warnings.push_back(fmt::format(
        "{}: the checkpoint has {} with {} records, this run {} with {}: from here on samples come in another order, "
        "and some of this epoch's twice or not at all",
        captions.empty() ? "data.store" : "method.captions", saved.data.store, saved.data.size, now.data.store,
        now.data.size));
  }
  const bool are_lists = !old_captions.empty() && !captions.empty();
  if (are_lists && saved.data.size == now.data.size && old_captions != captions) {
    differences.warnings.push_back(
        fmt::format("the captions of {} are others than those of {}, which the checkpoint was trained on",
                    now.data.store, saved.data.store));
  }
  if (saved.world != now.world || saved.threads != now.threads) {
    differences.notes.push_back(fmt::format(
        "the checkpoint is of {} ranks of {} threads, this run has {} of {}: sums are grouped otherwise, so "
        "bits will differ from an uninterrupted run",
        saved.world, saved.threads, now.world, now.threads));
  }
  return differences;
}

}  // namespace fgm
