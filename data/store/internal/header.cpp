#include "data/store/internal/header.h"

#include <fmt/ranges.h>

#include <utility>

#include "core/base/error.h"
#include "data/store/internal/layout.h"
#include "data/store/store.h"

namespace fgm {

StoreHeader read_header(const H5File& file, const std::string& name) {
  require<IoError>(file.has_attribute(layout::kFormat),
                   "'{}': is HDF5 but no fgm store (no attribute {}); make one with fgm data", name, layout::kFormat);
  const int64_t format = file.int_attribute(layout::kFormat);
  require<IoError>(format >= 1 && format <= kStoreFormat,
                   "'{}': has format {}, this fgm reads 1 to {}; use a newer fgm or make the store again", name, format,
                   kStoreFormat);
  auto kind = file.string_attribute(layout::kKind);
  require<IoError>(layout::is_kind(kind), "'{}': has kind '{}', expected one of {}", name, kind,
                   fmt::join(layout::kKinds, ", "));
  auto provenance = nlohmann::json::parse(file.string_attribute(layout::kProvenance), nullptr, false);
  require<IoError>(provenance.is_object(), "'{}': attribute {} is no JSON object", name, layout::kProvenance);
  return {std::move(kind), std::move(provenance)};
}

void write_header(H5File& file, int64_t format, const StoreHeader& header) {
  const auto provenance = header.provenance.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  file.write_attribute(layout::kFormat, format);
  if (format == 1) {
    file.write_attribute(layout::kKind, header.kind);
    file.write_attribute(layout::kProvenance, provenance);
  } else {
    file.write_fixed_attribute(layout::kKind, header.kind);
    file.write_fixed_attribute(layout::kProvenance, provenance);
  }
}

std::optional<JsonDifference> first_difference(const nlohmann::json& one, const nlohmann::json& other) {
  const auto entries = one.flatten(), other_entries = other.flatten();
  auto keys = entries;
  keys.update(other_entries);
  const auto text_of = [](const nlohmann::json& from, const std::string& key) {
    return from.value(key, nlohmann::json()).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  };
  for (const auto& [key, value] : keys.items()) {
    auto first = text_of(entries, key), second = text_of(other_entries, key);
    if (first != second) return JsonDifference{key, std::move(first), std::move(second)};
  }
  return std::nullopt;
}

}  // namespace fgm
