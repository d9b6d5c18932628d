#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "data/store/merge_stores.h"

namespace fgm {

// Where a record of the new store comes from.
struct RecordPlace {
  size_t file = 0;
  int64_t record = 0;
};

// The records of the new store, in their order, with a prompt each.
struct MergedRecords {
  std::vector<RecordPlace> places = {};
  std::vector<std::string> prompts = {};

  // Takes a record out of others.
  void move_from(MergedRecords& others, size_t i) {
    places.push_back(others.places[i]);
    prompts.push_back(std::move(others.prompts[i]));
  }
};

// What becomes one store.
struct MergeSources {
  std::span<const std::filesystem::path> files;
  std::string kind;
  nlohmann::json provenance;  // of the new store
  MergedRecords records;
};

// Writes the records into `out`, as merge_stores() says. `num_all` is how many there were before some were left out.
MergedStore write_merged(MergeSources& sources, const std::filesystem::path& out, int64_t num_all);

}  // namespace fgm
