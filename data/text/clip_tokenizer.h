#pragma once

#include <filesystem>
#include <memory>

#include "data/text/tokenizer.h"

namespace fgm {

// The name, for provenance, of the rule by which CLIP's prompts are cut into words: Unicode's normal form C, lower case
// of each character by itself, and the pattern of transformers' CLIPTokenizer (5.x; its fast one of 4.x is the same).
// docs/text.md tells it from the others that are about.
inline constexpr std::string_view kClipTextRule = "nfc";

// Which of Stable Diffusion 3's CLIP encoders a tokenizer is for, where its files do not name the token that pads:
// CLIP-L pads with the end token, CLIP-G with "!", which thereby is no punctuation mark to it (docs/text.md).
enum class ClipKind { kL, kG };

// Byte-pair encoding between <|startoftext|> and <|endoftext|>. `path` is a folder with merges.txt (ids by vocab.json
// where there is one, else in CLIP's order) or tokenizer.json, one of these files, or "" for the vocabulary inside
// the program. Added and special tokens come from tokenizer_config.json, tokenizer.json and special_tokens_map.json.
// ConfigError or IoError naming the file when there is none, or it is damaged or of another kind of tokenizer.
std::unique_ptr<Tokenizer> open_clip_tokenizer(const std::filesystem::path& path, ClipKind kind);

}  // namespace fgm
