#include "data/store/merge_stores.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/base/text.h"
#include "data/hdf5/h5_file.h"
#include "data/store/embedding_store.h"
#include "data/store/internal/header.h"
#include "data/store/internal/layout.h"
#include "data/store/internal/partial_file.h"
#include "data/store/internal/prompt_table.h"
#include "data/store/internal/write_merged.h"
#include "data/store/latent_info.h"
#include "data/store/positioned_file.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

// Adds all records of a file but `left_out`, which are in their order.
void add_records(const fs::path& path, size_t file, std::span<const int64_t> left_out, MergedRecords& records) {
  const PromptTable table(H5File::open_read_only(path), path.string());
  table.each(PositionedFile(path), [&](int64_t i, std::string_view text, const std::optional<std::string>& problem) {
    if (std::ranges::binary_search(left_out, i)) return;
    if (problem) throw DamageError(fmt::format("'{}': {}", path.string(), *problem));
    records.places.push_back({file, i});
    records.prompts.emplace_back(text);
  });
}

// What the records of a kind depend on besides their prompts or images.
std::vector<std::string> makers_of(std::string_view kind) {
  if (kind == layout::kEmbeddings) return {"encoders"};
  if (kind == layout::kLatents) return {"vae"};
  if (kind == layout::kPairs) return {"teacher_xxh128", "steps", "guidance", "shift"};
  return {};
}

void require_same_makers(const fs::path& first_path, const StoreHeader& first, const fs::path& path,
                         const StoreHeader& header) {
  const auto member = [](const StoreHeader& of, const std::string& name) {
    return nlohmann::json{{name, of.provenance.value(name, nlohmann::json())}};
  };
  require<ConfigError>(first.kind == header.kind, "'{}' is a store of {}, and '{}' of {}; merge files of one kind",
                       first_path.string(), first.kind, path.string(), header.kind);
  for (const auto& name : makers_of(first.kind)) {
    const auto different = first_difference(member(first, name), member(header, name));
    if (!different) continue;
    throw ConfigError(fmt::format("'{}' and '{}' are no single store: {} is {} in the first, {} in the other",
                                  first_path.string(), path.string(), different->key, different->first,
                                  different->second));
  }
}

bool is_unfinished(const fs::path& path, std::string_view kind) {
  if (kind == layout::kEmbeddings) {
    const auto info = read_embedding_info(path);
    return info.num_done < info.size;
  }
  if (kind != layout::kLatents) return false;
  const auto info = read_latent_info(path);
  return info.num_done < info.size();
}

// Whole files, and what their provenances have in common.
MergeSources open_sources(std::span<const fs::path> files, const nlohmann::json& provenance) {
  std::optional<StoreHeader> first;
  MergeSources sources{.files = files, .kind = "", .provenance = {}, .records = {}};
  for (size_t i = 0; i < files.size(); ++i) {
    const auto name = files[i].string();
    const auto header = read_header(H5File::open_read_only(files[i]), name);
    if (!first) {
      first = header;
      sources.kind = header.kind;
      sources.provenance = header.provenance;
    }
    require_same_makers(files[0], *first, files[i], header);
    for (const auto& [key, value] : first->provenance.items()) {
      if (header.provenance.value(key, nlohmann::json()) != value) sources.provenance.erase(key);
    }
    require<IoError>(!is_unfinished(files[i], header.kind),
                     "'{}' is not written to its end; let the same command write the rest", name);
    add_records(files[i], i, {}, sources.records);
  }
  sources.provenance.update(provenance);
  return sources;
}

void require_other_file(const fs::path& file, const fs::path& out) {
  for (const auto& written : {out, partial_file(out)}) {
    std::error_code ignored;
    require<ConfigError>(!fs::equivalent(file, written, ignored),
                         "'{}' would be read and written at once; give another name", file.string());
  }
}

// A pair's noise has the number of the pairs before it with the same prompt, in its own file.
void require_pairs_of_distinct_prompts(const MergeSources& sources) {
  std::unordered_map<std::string_view, size_t> file_of;
  for (size_t i = 0; i < sources.records.places.size(); ++i) {
    const auto& prompt = sources.records.prompts[i];
    const size_t file = sources.records.places[i].file, first = file_of.try_emplace(prompt, file).first->second;
    if (first == file) continue;
    throw ConfigError(
        fmt::format("'{}' and '{}' both have pairs of prompt '{}', whose noise would be another in one store; train on "
                    "both files as they are",
                    sources.files[first].string(), sources.files[file].string(), printable(prompt)));
  }
}

// Leaves out the pairs that have one of `bad` with the same prompt before them.
void leave_pairs_with_their_noise(const fs::path& path, std::span<const int64_t> bad, MergedRecords& records) {
  std::unordered_map<std::string, int64_t> first_bad;
  const PromptTable table(H5File::open_read_only(path), path.string());
  const PositionedFile data(path);
  for (const int64_t i : bad) first_bad.try_emplace(table.read(data, i), i);
  MergedRecords all = std::exchange(records, {});
  for (size_t i = 0; i < all.places.size(); ++i) {
    const auto found = first_bad.find(all.prompts[i]);
    if (found == first_bad.end() || all.places[i].record < found->second) records.move_from(all, i);
  }
}

void require_reparable(const fs::path& path, const StoreCheck& check) {
  require<IoError>(check.knows_bad_records, "'{}' cannot be repaired, since nobody can say which records are whole: {}",
                   path.string(), check.problems.empty() ? "" : check.problems.back());
  require<IoError>(std::ssize(check.bad_records) < check.size, "'{}' cannot be repaired: no record is whole",
                   path.string());
}

}  // namespace

MergedStore merge_stores(std::span<const fs::path> files, const fs::path& out, const nlohmann::json& provenance) {
  check(!files.empty(), "no store is merged");
  for (const auto& path : files) require_other_file(path, out);
  auto sources = open_sources(files, provenance);
  if (sources.kind == layout::kPairs) require_pairs_of_distinct_prompts(sources);
  return write_merged(sources, out, std::ssize(sources.records.places));
}

MergedStore repair_store(const fs::path& path, const StoreCheck& check, const fs::path& out) {
  require_reparable(path, check);
  require_other_file(path, out);
  auto header = read_header(H5File::open_read_only(path), path.string());
  MergeSources sources{
      .files = {&path, 1}, .kind = std::move(header.kind), .provenance = std::move(header.provenance), .records = {}};
  add_records(path, 0, check.bad_records, sources.records);
  if (sources.kind == layout::kPairs) leave_pairs_with_their_noise(path, check.bad_records, sources.records);
  require<IoError>(
      sources.kind != layout::kEmbeddings || std::ranges::count(sources.records.prompts, "") > 0,
      "'{}' cannot be repaired: the record of the empty prompt is damaged, which every store of embeddings "
      "needs; let `fgm encode` write it again",
      path.string());
  sources.provenance["repaired"] = {{"from", path.filename().string()},
                                    {"left_out", check.size - std::ssize(sources.records.places)}};
  return write_merged(sources, out, check.size);
}

}  // namespace fgm
