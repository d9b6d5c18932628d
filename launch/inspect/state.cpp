#include "launch/inspect/state.h"

#include "core/base/error.h"
#include "core/config/ini.h"

namespace fgm {
namespace {

using Json = nlohmann::ordered_json;

std::string line(const std::string& key, const std::string& value) {
  return fmt::format("  {:<12}{}\n", key, value);
}

std::string updates_text(const Json& networks) {
  std::vector<std::string> parts;
  for (const auto& [role, network] : networks.items()) parts.push_back(role + " " + network["updates"].dump());
  return fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace

Json describe_state(const Manifest& manifest) {
  Manifest head = manifest;
  head.files.clear();
  head.tensors.clear();
  Json state = Json::parse(to_json(head));
  for (const char* key : {"format", "config", "files", "tensors"}) state.erase(key);
  return state;
}

std::string state_text(const Json& state) {
  const Json &phase = state["phase"], &attempt = state["attempt"], &mesh = state["mesh"], &data = state["data"];
  std::string text = line("step", fmt::format("{} of '{}', {} restarts before it", state["step"].dump(),
                                              phase["name"].get<std::string>(), attempt["restart"].dump()));
  text +=
      line("world", fmt::format("{} ranks, {} threads each, mesh {} x {} (replicate x shard)", state["world"].dump(),
                                state["threads"].dump(), mesh["replicate"].dump(), mesh["shard"].dump()));
  text += line("updates", updates_text(state["networks"]));
  text += line("data", fmt::format("{} samples drawn, {} epochs of {} done", data["position"].dump(),
                                   data["epoch"].dump(), data["size"].dump()));
  text += line("store", data["store"]);
  if (state.contains("teacher")) {
    text += line("teacher", state["teacher"]["path"]);
    text += line("", state["teacher"]["xxh128"]);
  }
  text += line("seed", state["seed"].dump());
  text += line("written by",
               "fgm " + state["version"].get<std::string>() + ", attempt " + attempt["nonce"].get<std::string>());
  return text;
}

std::map<std::string, std::string> config_values(const std::string& ini) {
  std::map<std::string, std::string> values;
  try {
    for (const auto& setting : parse_ini(ini, "config")) values.emplace(setting.key, setting.value);
  } catch (const ConfigError&) {
    values.clear();
  }
  return values;
}

}  // namespace fgm
