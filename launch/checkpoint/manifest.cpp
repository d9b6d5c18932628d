#include "launch/checkpoint/manifest.h"

#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/io/safetensors_dtype.h"

namespace fgm {
namespace {

using nlohmann::ordered_json;

ordered_json describe(const ManifestTensor& tensor) {
  ordered_json slices = ordered_json::array();
  for (const auto& slice : tensor.slices) {
    slices.push_back({{"file", slice.file}, {"begin", slice.begin}, {"end", slice.end}});
  }
  const auto dtype = safetensors_dtype_name(tensor.dtype);
  check(dtype.has_value(), "{} is {}, which safetensors lacks", tensor.name, c10::toString(tensor.dtype));
  return {{"role", tensor.role},
          {"name", tensor.name},
          {"dtype", *dtype},
          {"shape", tensor.shape},
          {"slices", std::move(slices)}};
}

// The tables stand last, so that the head of the file says what a person looks for.
ordered_json describe(const Manifest& m) {
  ordered_json root = {{"format", Manifest::kFormat},
                       {"version", m.version},
                       {"step", m.step},
                       {"phase", {{"name", m.command}, {"estimator_update", m.estimator_update}}},
                       {"attempt", {{"nonce", m.nonce}, {"restart", m.restart}}},
                       {"world", m.world},
                       {"mesh", {{"replicate", m.mesh.replicate}, {"shard", m.mesh.shard}}},
                       {"seed", m.seed},
                       {"threads", m.threads},
                       {"config", m.config}};
  root["data"] = {
      {"store", m.data.store}, {"size", m.data.size}, {"epoch", m.data.epoch}, {"position", m.data.position}};
  if (!m.data.captions_xxh128.empty()) root["data"]["captions_xxh128"] = m.data.captions_xxh128;
  if (m.teacher) root["teacher"] = {{"path", m.teacher->path}, {"xxh128", m.teacher->xxh128}};
  root["networks"] = ordered_json::object();
  for (const auto& [role, updates] : m.updates) root["networks"][role] = {{"updates", updates}};
  root["files"] = ordered_json::object();
  for (const auto& [name, file] : m.files) root["files"][name] = {{"bytes", file.bytes}, {"xxh128", file.xxh128}};
  root["tensors"] = ordered_json::object();
  for (const auto& [key, tensor] : m.tensors) root["tensors"][key] = describe(tensor);
  return root;
}

}  // namespace

std::string manifest_key(const std::string& role, const std::string& name) {
  return role + "/" + name;
}

std::string to_json(const Manifest& manifest) {
  try {
    return describe(manifest).dump() + "\n";
  } catch (const nlohmann::json::type_error&) {
    throw IoError(fmt::format("{} cannot be written: a path or name in it is not UTF-8", kManifestFile));
  }
}

std::string commit_text(std::string_view manifest_json, const std::string& nonce) {
  Digest digest;
  digest.update(std::as_bytes(std::span(manifest_json)));
  return fmt::format("fgm checkpoint {}\nnonce {}\nmanifest {}\n", Manifest::kFormat, nonce, digest.hex());
}

}  // namespace fgm
