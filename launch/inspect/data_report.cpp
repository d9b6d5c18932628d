#include <filesystem>

#include "core/base/error.h"
#include "core/base/text.h"
#include "data/store/embedding_store.h"
#include "data/store/latent_info.h"
#include "data/store/merge_stores.h"
#include "data/store/store.h"
#include "data/store/verify_store.h"
#include "launch/inspect/reports.h"

namespace fgm {
namespace {

using Json = nlohmann::ordered_json;
using Shape = std::vector<int64_t>;

std::string name_of_dtype(at::ScalarType dtype) {
  return dtype == at::kFloat ? "float32" : dtype == at::kHalf ? "float16" : "bfloat16";
}

Json describe_latents(const std::filesystem::path& path) {
  const LatentInfo info = read_latent_info(path);
  Json shapes = Json::object();
  for (size_t i = 0; i < info.buckets.size(); ++i) {
    auto shape = info.row_shape(i);
    shape.insert(shape.begin(), info.buckets[i].size);
    shapes["latents/" + info.buckets[i].name()] = std::move(shape);
  }
  return {{"records", info.size()},
          {"written", info.num_done},
          {"dtype", name_of_dtype(info.dtype)},
          {"shapes", std::move(shapes)},
          {"provenance", info.provenance}};
}

Json describe_embeddings(const std::filesystem::path& path) {
  const EmbeddingInfo info = read_embedding_info(path);
  const auto& shape = info.shape;
  return {{"records", info.size},
          {"written", info.num_done},
          {"dtype", name_of_dtype(info.dtype)},
          {"shapes",
           {{"text/clip", Shape{info.size, shape.clip_tokens, shape.clip_width}},
            {"text/t5", Shape{info.size, shape.t5_tokens, shape.t5_width}},
            {"text/pooled", Shape{info.size, shape.pooled_width}}}},
          {"context", Shape{shape.num_tokens(), shape.context_width}},
          {"encoders", encoders_digest(info.provenance)},
          {"provenance", info.provenance}};
}

Json describe_records(const std::filesystem::path& path) {
  const Store store(path);
  Json shapes = Json::object();
  const auto add = [&](const char* name, Shape row) {
    row.insert(row.begin(), store.size());
    shapes[name] = std::move(row);
  };
  if (store.has_images()) add("images", store.image_shape());
  if (store.has_pairs()) add("samples", store.sample_shape());
  return {{"records", store.size()},
          {"written", store.size()},
          {"dtype", store.has_images()  ? Json("uint8")
                    : store.has_pairs() ? Json("float16")
                                        : Json()},
          {"shapes", std::move(shapes)},
          {"provenance", store.provenance()}};
}

std::string info_text(const Json& info) {
  const auto text = [&](const char* key) { return info[key].get<std::string>(); };
  std::string lines = fmt::format("{}: store of {}\n  records: {}", text("path"), text("kind"), info["records"].dump());
  if (info["written"] != info["records"]) lines += fmt::format(", of which {} are written", info["written"].dump());
  lines += fmt::format("\n  bytes: {} ({})\n", info["bytes"].dump(), human_bytes(info["bytes"].get<double>()));
  for (const auto& [name, shape] : info["shapes"].items()) {
    lines += fmt::format("  {}: {} {}\n", name, text("dtype"), fmt::join(shape.get<Shape>(), " x "));
  }
  if (info.contains("context")) {
    lines += fmt::format("  context: {}\n  encoders: {}\n", fmt::join(info["context"].get<Shape>(), " x "),
                         text("encoders"));
  }
  return lines + fmt::format("  provenance: {}\n", info["provenance"].dump());
}

Json repair(const std::filesystem::path& path, const StoreCheck& check) {
  const auto out = repaired_store(path);
  try {
    const auto repaired = repair_store(path, check, out);
    return {{"path", out.string()}, {"records", repaired.size}, {"left_out", repaired.num_left_out}};
  } catch (const IoError& error) {
    if (error.exit_code() != kExitConfig) throw;
    return {{"path", nullptr}, {"problem", error.what()}};
  }
}

Json verify(const std::filesystem::path& path, const DataVerification& options) {
  const StoreCheck check = verify_store(path, options.num_threads);
  Json json = {{"path", path.string()},
               {"ok", check.problems.empty()},
               {"kind", check.kind},
               {"records", check.size},
               {"problems", check.problems}};
  if (options.wants_repair && !check.problems.empty()) json["repaired"] = repair(path, check);
  return json;
}

std::string repair_text(const Json& repaired) {
  if (repaired["path"].is_null()) return fmt::format("WRONG  {}\n", repaired["problem"].get<std::string>());
  return fmt::format("wrote  {}: {} whole records, {} left out\n", repaired["path"].get<std::string>(),
                     repaired["records"].dump(), repaired["left_out"].dump());
}

std::string check_text(const Json& check) {
  const auto path = check["path"].get<std::string>();
  if (check["ok"].get<bool>()) {
    return fmt::format("ok     {}: {} records of {}\n", path, check["records"].dump(),
                       check["kind"].get<std::string>());
  }
  std::string lines;
  for (const auto& problem : check["problems"]) {
    lines += fmt::format("WRONG  {}: {}\n", path, problem.get<std::string>());
  }
  if (check.contains("repaired")) lines += repair_text(check["repaired"]);
  return lines;
}

}  // namespace

Report report_data(const std::filesystem::path& path) {
  const std::string kind = kind_of_store(path);
  Json json = {
      {"format", "store info"}, {"path", path.string()}, {"kind", kind}, {"bytes", std::filesystem::file_size(path)}};
  json.update(kind == "embeddings" ? describe_embeddings(path)
              : kind == "latents"  ? describe_latents(path)
                                   : describe_records(path));
  std::string text = info_text(json);
  return {std::move(json), std::move(text)};
}

std::filesystem::path repaired_store(std::filesystem::path store) {
  if (store.extension() == ".partial") store.replace_extension();
  const auto ending = store.extension();
  store.replace_extension();
  store += ".repaired";
  store += ending;
  return store;
}

Report report_data_verification(const std::vector<std::string>& paths, const DataVerification& options) {
  Json stores = Json::array();
  std::string text;
  bool is_well = true;
  for (const auto& path : paths) {
    stores.push_back(verify(path, options));
    text += check_text(stores.back());
    is_well = is_well && stores.back()["ok"].get<bool>();
  }
  return {{{"format", "store verification"}, {"ok", is_well}, {"stores", std::move(stores)}}, text, is_well};
}

}  // namespace fgm
