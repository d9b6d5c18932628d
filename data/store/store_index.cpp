#include "data/store/store_index.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "core/base/error.h"
#include "core/io/file.h"
#include "data/store/internal/store_groups.h"
#include "data/store/store.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr auto kIndexFormat = "fgm store index 1";

// Of a file's entry in the index. Paths are relative to the index's folder.
void read_index_entry(const nlohmann::json& entry, const fs::path& folder, StoreGroup& group) {
  group.files.push_back(folder / entry.at("path").get<std::string>());
  group.known.push_back({.bytes = entry.at("bytes").get<uint64_t>(),
                         .records = entry.at("records").get<int64_t>(),
                         .fingerprint = entry.at("fingerprint").get<std::string>(),
                         .digest = entry.at("digest").get<std::string>()});
}

Json index_entry(const fs::path& file, const fs::path& folder) {
  const Store store(file);
  store.log_text_remarks();
  const auto summary = store.summary();
  return {{"path", fs::proximate(file, folder).string()},
          {"bytes", summary.bytes},
          {"records", summary.records},
          {"fingerprint", summary.fingerprint},
          {"digest", summary.digest}};
}

}  // namespace

std::vector<StoreGroup> read_store_index(const fs::path& path) {
  std::vector<StoreGroup> groups;
  try {
    const auto index = nlohmann::json::parse(read_text(path));
    require<IoError>(index.at("format") == kIndexFormat,
                     "'{}' is no index of stores that this fgm reads; make it with "
                     "`fgm data merge LIST --index {}`",
                     path.string(), path.string());
    require<IoError>(!index.at("groups").empty(), "'{}' names no file; make it with `fgm data merge LIST --index`",
                     path.string());
    for (const auto& entry : index.at("groups")) {
      auto& group = groups.emplace_back();
      group.weight = entry.at("weight").get<int64_t>();
      for (const auto& file : entry.at("files")) read_index_entry(file, path.parent_path(), group);
      require<IoError>(group.weight > 0 && !group.files.empty(),
                       "'{}' has a group without a weight or a file; make it with `fgm data merge LIST --index`",
                       path.string());
    }
  } catch (const nlohmann::json::exception& error) {
    throw IoError(fmt::format("'{}' is no index of stores, or damaged ({}); make it with `fgm data merge LIST --index`",
                              path.string(), error.what()));
  }
  return groups;
}

int64_t write_store_index(const std::string& list, const fs::path& out) {
  const auto folder = fs::absolute(out).parent_path();
  Json groups = Json::array();
  int64_t num_records = 0;
  for (const auto& group : parse_stores(list)) {
    Json files = Json::array();
    for (const auto& file : group.files) {
      files.push_back(index_entry(file, folder));
      num_records += files.back()["records"].get<int64_t>();
    }
    groups.push_back({{"weight", group.weight}, {"files", std::move(files)}});
  }
  write_file(out, Json{{"format", kIndexFormat}, {"groups", std::move(groups)}}.dump(1) + "\n");
  return num_records;
}

}  // namespace fgm
