#include "launch/job/network_start.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "core/base/error.h"
#include "core/config/fields.h"
#include "core/flow/student_generator.h"
#include "core/train/roles.h"

namespace fgm {
namespace {

// Adds "text.num_tokens = 12 (this run: 20)" for each field that differs in two sections, the second of `whose`.
template <typename Section>
void add_differences(const Section& of_weights, const Section& ours, std::string_view whose,
                     std::vector<std::string>& found) {
  const auto fields = list_fields(of_weights);
  for (const auto& our : list_fields(ours)) {
    const auto field = std::ranges::find(fields, our.key, &FieldInfo::key);
    if (field == fields.end() || field->value == our.value) continue;
    const auto shown = [](const std::string& value) { return value.empty() ? "empty" : value; };
    found.push_back(fmt::format("{} = {} ({}: {})", our.key, shown(field->value), whose, shown(our.value)));
  }
}

// Shapes alone do not tell of more heads that are narrower. Of others' files the sizes are read from the shapes.
void require_teachers_network(const StartKey& key, const OpenWeights& weights, const OpenWeights& teacher) {
  const ModelConfig& model = teacher.info.config.model;
  std::vector<std::string> found;
  if (!weights.is_external) add_differences(weights.info.config.model, model, "the teacher", found);
  require<ConfigError>(found.empty(), "{} = {}: its weights are of another network than the teacher's: {}", key.key,
                       key.value, fmt::join(found, ", "));
  require_network(model, *weights.source);
}

// A student's times and mean as fields that can be compared.
MethodConfig generator_fields(const MethodConfig& method) {
  const GeneratorConfig generator = generator_of(method);
  MethodConfig fields;
  fields.init_time = generator.times.front();
  if (generator.num_steps() > 1) fields.student_times = generator.times;
  fields.init_mean = generator.mean;
  return fields;
}

void warn_of_other_training(const StartKey& key, const OpenWeights& weights, const Config& config) {
  std::vector<std::string> found;
  if (!weights.is_external) {
    TextConfig text = weights.info.config.text;
    text.store = config.text.store;  // where embeddings lie does not matter
    text.model = config.text.model;
    add_differences(text, config.text, "this run", found);
  }
  if (role::is_student(weights.info.role)) {
    add_differences(generator_fields(weights.info.config.method), generator_fields(config.method), "this run", found);
  }
  if (!found.empty()) spdlog::warn("{} = {} was trained with {}", key.key, key.value, fmt::join(found, ", "));
}

StartKey start_key(const std::string& role, const std::string& own, const MethodConfig& method) {
  return own.empty() && !method.init.empty() ? StartKey{"method.init", method.init}
                                             : StartKey{role + ".init", own.empty() ? "teacher" : own};
}

// The weights of the first of `roles` that is there. Nothing for random ones, and where a plan lacks the teacher.
std::optional<OpenWeights> open_start(const StartKey& key, const std::vector<std::string>& roles,
                                      const StartContext& context, const std::optional<OpenWeights>& teacher) {
  if (key.value == "random") return std::nullopt;
  if (key.value == "teacher") return teacher;
  const OpenWeights weights = open_weights(context.find_weights(key.value, roles));
  if (teacher) require_teachers_network(key, weights, *teacher);
  return weights;
}

bool is_same(const OpenWeights& a, const OpenWeights& b) {
  return a.source->place() == b.source->place() && a.info.role == b.info.role;
}

}  // namespace

StartKey open_starts(const StartContext& context, DistillStart& start) {
  const MethodConfig& method = start.config.method;
  const StartKey of_student = start_key("student", method.student_init, method);
  start.student = open_start(of_student, role::kStudentsThenTeachers, context, start.teacher);
  const StartKey of_estimator = start_key("estimator", method.estimator_init, method);
  start.estimator = open_start(of_estimator, role::kEstimatorThenOthers, context, start.teacher);
  const bool are_same = start.student && start.estimator && is_same(*start.student, *start.estimator);
  if (are_same) start.estimator = start.student;
  // A plan that lacks the embeddings does not know of which encoders they are.
  if (!start.missing.empty()) return of_student;
  if (start.student) warn_of_other_training(of_student, *start.student, start.config);
  if (start.estimator && !are_same) warn_of_other_training(of_estimator, *start.estimator, start.config);
  return of_student;
}

}  // namespace fgm
