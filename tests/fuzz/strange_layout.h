#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/hash.h"
#include "data/hdf5/h5_file.h"
#include "tests/fuzz/mutator.h"

namespace fgm {

// A store as another program may write it, without a guard. All values but the tables' are zero.
struct StoreLayout {
  struct Rows {
    H5Element element = H5Element::kUint8;
    std::vector<int64_t> shape;
  };
  std::map<std::string, int64_t> numbers;  // attributes
  std::map<std::string, std::string> texts;
  std::map<std::string, Rows> rows;
  std::map<std::string, std::vector<uint64_t>> tables;
  std::string prompt = "hat";
  size_t num_done = 0;
  std::string done;  // the name of the map
};

inline StoreLayout sound_layout(std::string_view kind) {
  const bool is_of_format_2 = kind == "embeddings" || kind == "latents";
  StoreLayout layout;
  layout.numbers = {{"fgm_format", is_of_format_2 ? 2 : 1}};
  layout.texts = {{"kind", std::string(kind)},
                  {"provenance", R"({"vae": {"shift_factor": 0.5, "scaling_factor": 2}})"}};
  layout.tables = {{"prompts/offset", {0, 0, 0}}, {"prompts/length", {3, 3, 3}}};
  if (kind == "images" || kind == "samples") layout.rows["images"] = {H5Element::kUint8, {3, 2, 2, 3}};
  if (kind == "pairs") {
    layout.rows["samples"] = {H5Element::kFloat16, {3, 3, 2, 2}};
    layout.numbers["noise_seed"] = 4;
  }
  if (kind == "embeddings") {
    layout.numbers["context_width"] = 5;
    layout.rows = {{"text/clip", {H5Element::kFloat32, {3, 2, 3}}},
                   {"text/t5", {H5Element::kFloat32, {3, 4, 5}}},
                   {"text/pooled", {H5Element::kFloat32, {3, 6}}}};
  }
  if (kind == "latents") {
    layout.numbers["latent_channels"] = 2;
    layout.texts["latent_buckets"] = "4x6 6x4";
    layout.rows = {{"latents/4x6", {H5Element::kFloat16, {2, 4, 2, 3}}},
                   {"latents/6x4", {H5Element::kFloat16, {1, 4, 3, 2}}}};
  }
  if (is_of_format_2) {
    layout.done = kind == "latents" ? "latents/done" : "text/done";
    layout.num_done = 3;
  }
  return layout;
}

// Of all rows together, or of one row of each dataset.
inline size_t bytes_of_rows(const StoreLayout& layout, bool is_one) {
  size_t sum = 0;
  for (const auto& [name, rows] : layout.rows) {
    auto bytes = static_cast<size_t>(bytes_of(rows.element));
    for (size_t i = is_one ? 1 : 0; i < rows.shape.size(); ++i) bytes *= static_cast<size_t>(rows.shape[i]);
    sum += bytes;
  }
  return sum;
}

// The digests are those of the values, as far as the rows are sensible.
inline void write_layout(const std::filesystem::path& path, const StoreLayout& layout) {
  auto file = H5File::create(path);
  for (const auto& [name, number] : layout.numbers) file.write_attribute(name, number);
  for (const auto& [name, text] : layout.texts) file.write_attribute(name, text);
  const auto write = [&](const std::string& name, const std::string& bytes) {
    const auto size = std::ssize(bytes);
    file.write_bytes(name, std::as_bytes(std::span(bytes)), {&size, 1});
  };
  write("prompts/blob", layout.prompt);
  const auto size = layout.tables.at("prompts/offset").size();
  file.write_uint64("prompts/xxh64", std::vector<uint64_t>(size, xxh64(layout.prompt)));
  for (const auto& [name, table] : layout.tables) file.write_uint64(name, table);
  for (const auto& [name, rows] : layout.rows) file.create_in_place(name, rows.element, rows.shape);
  if (layout.done.empty()) {
    const std::string zeros(bytes_of_rows(layout, /*is_one=*/false), '\0');
    Digest digest;
    digest.update(std::as_bytes(std::span(zeros)));
    for (const auto* name : {"images_xxh128", "samples_xxh128"}) file.write_attribute(name, digest.hex());
  } else {
    write(layout.done, std::string(layout.num_done, '\1'));
    // Both rows of the latents above have as many bytes.
    const bool is_latents = layout.done == "latents/done";
    const std::string zeros(bytes_of_rows(layout, /*is_one=*/true) / (is_latents ? layout.rows.size() : 1), '\0');
    file.write_uint64(is_latents ? "latents/xxh3" : "text/xxh3", std::vector<uint64_t>(size, hash64(zeros)));
  }
  file.close();
}

// One thing is another.
inline void make_strange(StoreLayout& layout, Mutator& mutator) {
  constexpr std::array<int64_t, 10> kNumbers = {
      0, 1, 2, 3, 4, 7, -1, int64_t{1} << 40, std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min()};
  const auto any = [&](auto& map) -> auto& {
    return std::next(map.begin(), static_cast<ptrdiff_t>(mutator.below(map.size())))->second;
  };
  const auto number = [&] { return kNumbers[mutator.below(kNumbers.size())]; };
  const size_t what = mutator.below(layout.rows.empty() ? 4 : 8);
  if (what == 0) {
    any(layout.numbers) = number();
  } else if (what == 1) {
    auto& text = any(layout.texts);
    Mutator::Bytes bytes(text.begin(), text.end());
    mutator.damage(bytes);
    text.assign(bytes.begin(), bytes.end());
  } else if (what == 2) {
    auto& table = any(layout.tables);
    table[mutator.below(table.size())] = static_cast<uint64_t>(number());
  } else if (what == 3) {
    layout.num_done = mutator.below(5);
    any(layout.tables).resize(1 + mutator.below(4), 0);
  } else {
    auto& rows = any(layout.rows);
    if (what == 4) rows.element = static_cast<H5Element>(mutator.below(5));
    if (what == 5) rows.shape.resize(1 + mutator.below(5), 1);
    if (what >= 6) rows.shape[mutator.below(rows.shape.size())] = static_cast<int64_t>(mutator.below(8));
  }
}

}  // namespace fgm
