#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "data/store/verify_store.h"

namespace fgm {

struct MergedStore {
  std::string kind;
  int64_t size = 0;          // records of the new store
  int64_t num_left_out = 0;  // records that were there already, or are damaged
};

// Writes the records of whole stores of one kind into a new store `out`, one file's behind the other's; those of latents
// by their sizes. Of embeddings the first record of each prompt is taken. Every byte is compared with its digest on the
// way. An older `out` is replaced by a complete one only; embeddings and latents that were killed go on after the same
// call, where OUT.partial ends. `provenance` joins what the files' have in common. Prompts are held in memory.
// ConfigError naming two files and what differs: kind, sizes, dtype, noise seed, the encoders, autoencoder or teacher;
// when two files of pairs have one prompt, whose noise would be another then; when `out` is one of the files. IoError;
// DamageError naming a record whose digest disagrees.
MergedStore merge_stores(std::span<const std::filesystem::path> files, const std::filesystem::path& out,
                         const nlohmann::json& provenance);

// Writes the whole records of a damaged or unfinished store, of which `check` is verify_store()'s, into a new store
// `out` as above. A pair is left out too when one of its prompt was before it, since its noise would be another. IoError
// when nobody can say which records are whole, none is, or one is damaged that the store cannot be without.
MergedStore repair_store(const std::filesystem::path& path, const StoreCheck& check, const std::filesystem::path& out);

}  // namespace fgm
