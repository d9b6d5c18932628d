#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "data/hdf5/h5_file.h"

namespace fgm {

// What every store says of itself. `name` is the file's, for messages.
struct StoreHeader {
  std::string kind;
  nlohmann::json provenance;  // an object
};

// IoError when the file is no store, has a newer format, or a kind that is not known.
StoreHeader read_header(const H5File& file, const std::string& name);
// Format 1 is kept as it always was; later ones have strings of fixed length.
void write_header(H5File& file, int64_t format, const StoreHeader& header);

// The first entry, by its path, that differs between two JSON objects, with both values as text.
struct JsonDifference {
  std::string key, first, second;
};
std::optional<JsonDifference> first_difference(const nlohmann::json& one, const nlohmann::json& other);

}  // namespace fgm
