#pragma once

#include <filesystem>
#include <memory>

#include "data/text/tokenizer.h"

namespace fgm {

// Sentencepiece's unigram pieces, then </s>, then <pad>. `path` is a folder with spiece.model or tokenizer.json, one of
// these files, or "" for the vocabulary inside the program. Added tokens (</s>, <pad>, <unk> and <extra_id_k> at
// least) are found in the text as transformers finds them, and the text between two begins a new sentence.
// ConfigError or IoError naming the file when there is none, or it is damaged or of another kind of tokenizer.
std::unique_ptr<Tokenizer> open_t5_tokenizer(const std::filesystem::path& path);

}  // namespace fgm
