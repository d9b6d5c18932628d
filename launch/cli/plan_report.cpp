#include "launch/cli/plan_report.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

namespace fgm {
namespace {

using Json = nlohmann::ordered_json;

// The parts of a rank's state by name.
std::vector<std::pair<std::string, int64_t>> state_parts(const DistillPlan& plan) {
  const DistillBytes& networks = plan.networks;
  return {{"teacher", networks.teacher},
          {"student", networks.student},
          {"estimator", networks.estimator},
          {"buffers", networks.buffers},
          {"gathered_unit", networks.gathered_unit},
          {"decoder", plan.decoder_bytes}};
}

Json state_json(const DistillPlan& plan) {
  Json bytes;
  for (const auto& [name, part] : state_parts(plan)) bytes[name] = part;
  bytes["total"] = plan.state_bytes();
  return bytes;
}

Json text_json(const DistillPlan& plan) {
  Json text{{"bytes_per_caption", nullptr}, {"captions", nullptr}, {"bytes", nullptr}};
  if (!plan.bytes_per_caption) return text;
  text["bytes_per_caption"] = *plan.bytes_per_caption;
  if (!plan.num_captions) return text;
  text["captions"] = *plan.num_captions;
  text["bytes"] = *plan.bytes_per_caption * *plan.num_captions;
  return text;
}

Json place_json(const DistillPlan::Place& place) {
  return {{"path", place.path}, {"is_found", place.is_found}};
}

std::string place_text(const DistillPlan::Place& place) {
  const std::string path = place.path.empty() ? "not set" : place.path + (place.is_found ? "" : " (not found)");
  return fmt::format("{:<20} {}\n", place.key, path);
}

std::string gigabytes(int64_t bytes) {
  return fmt::format("{:9.3f} GB", static_cast<double>(bytes) / 1e9);
}

std::string text_store_text(const DistillPlan& plan) {
  if (!plan.bytes_per_caption) return "text store           none: captions are hashed words\n";
  const std::string each = fmt::format("text store           {:9.3f} MB for each caption",
                                       static_cast<double>(*plan.bytes_per_caption) / 1e6);
  if (!plan.num_captions) return each + "\n";
  return each + fmt::format(", {} for {} captions\n", gigabytes(*plan.bytes_per_caption * *plan.num_captions),
                            *plan.num_captions);
}

std::string missing_text(const std::vector<std::string>& missing) {
  if (missing.empty()) return "";
  std::string text = "a start needs these, and what depends on them was not checked:\n";
  for (const auto& line : missing) text += fmt::format("  {}\n", line);
  return text;
}

}  // namespace

Json plan_json(const DistillPlan& plan) {
  return {{"parameters", plan.num_parameters},
          {"mesh", {{"replicate", plan.replicate}, {"shard", plan.shard}}},
          {"device", plan.is_cpu ? "cpu" : "cuda"},
          {"state_bytes_per_rank", state_json(plan)},
          {"checkpoint_bytes", plan.checkpoint_bytes},
          {"text", text_json(plan)},
          {"teacher", place_json(plan.teacher)},
          {"store", place_json(plan.store)},
          {"missing", plan.missing}};
}

std::string plan_text(const DistillPlan& plan) {
  const bool has_student_alone = plan.networks.estimator == 0;
  std::string text = fmt::format(
      "{}{}parameters           {}, in {}\n"
      "mesh                 {} x {} (replicate x shard)\nstate of each rank   {} on {}, activations come on top\n",
      place_text(plan.teacher), place_text(plan.store), plan.num_parameters,
      has_student_alone ? "the student; a regression has no other network" : "each of three networks", plan.replicate,
      plan.shard, gigabytes(plan.state_bytes()), plan.is_cpu ? "a CPU" : "a GPU");
  for (const auto& [name, bytes] : state_parts(plan)) text += fmt::format("  {:<18} {}\n", name, gigabytes(bytes));
  text += fmt::format("one checkpoint       {}\n", gigabytes(plan.checkpoint_bytes));
  return text + text_store_text(plan) + missing_text(plan.missing);
}

}  // namespace fgm
