#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fgm {

// What decides the ids of a unigram model of sentencepiece; its format is sentencepiece_model.proto of
// google/sentencepiece.
struct SentencepieceModel {
  enum Type : uint64_t { kNormal = 1, kUnknown = 2, kControl = 3 };
  struct Piece {
    std::string text;
    float score = 0;
    Type type = kNormal;
  };
  std::vector<Piece> pieces;
  std::string charsmap;  // see CharsMap; empty for none
};

// Reads a spiece.model. DamageError naming `name` when it is cut or no such file; ConfigError when it is another kind
// of model than T5's.
SentencepieceModel parse_sentencepiece(std::string_view bytes, const std::string& name);

// DamageError naming `name` where the library would read beyond the model, recurse without end or end the process:
// it trusts its models.
void require_sound(const SentencepieceModel& model, const std::string& name);

// A file that the library loads: the same bytes for the same model, wherever it came from.
std::string serialize(const SentencepieceModel& model);

}  // namespace fgm
