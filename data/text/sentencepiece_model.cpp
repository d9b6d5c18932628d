#include "data/text/internal/sentencepiece_model.h"

#include <cmath>
#include <cstring>
#include <set>

#include "core/base/error.h"
#include "core/base/text.h"

namespace fgm {
namespace {

// Numbers of sentencepiece_model.proto.
enum Field : uint64_t { kPieces = 1, kTrainer = 2, kNormalizer = 3 };
enum PieceField : uint64_t { kText = 1, kScore = 2, kType = 3 };
constexpr uint64_t kModelType = 3, kUnigram = 1, kCharsmap = 2;

enum Wire : uint64_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

// One field after the other of a message of protocol buffers.
class MessageReader {
 public:
  MessageReader(std::string_view message, const std::string& name) : rest_(message), name_(name) {}

  uint64_t field = 0;
  uint64_t number = 0;     // of a varint
  std::string_view bytes;  // of the other kinds

  bool next() {
    if (rest_.empty()) return false;
    const uint64_t tag = varint();
    field = tag >> 3;
    switch (tag & 7) {
      case kVarint:
        number = varint();
        bytes = {};
        break;
      case kFixed64:
        bytes = take(8);
        break;
      case kBytes:
        bytes = take(varint());
        break;
      case kFixed32:
        bytes = take(4);
        break;
      default:
        throw DamageError(fmt::format("{} is no model of sentencepiece", name_));
    }
    return true;
  }

  float score() const {
    require<DamageError>(bytes.size() == sizeof(float), "{}: a piece has no score", name_);
    float score = 0;
    std::memcpy(&score, bytes.data(), sizeof(score));
    return score;
  }

 private:
  std::string_view take(uint64_t size) {
    require<DamageError>(size <= rest_.size(), "{} is cut or no model of sentencepiece", name_);
    const auto taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<uint8_t>(take(1)[0]);
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    throw DamageError(fmt::format("{} is no model of sentencepiece", name_));
  }

  std::string_view rest_;
  const std::string& name_;
};

SentencepieceModel::Piece parse_piece(std::string_view bytes, const std::string& name) {
  SentencepieceModel::Piece piece;
  uint64_t type = SentencepieceModel::kNormal;
  for (MessageReader reader(bytes, name); reader.next();) {
    if (reader.field == kText) piece.text = reader.bytes;
    if (reader.field == kScore) piece.score = reader.score();
    if (reader.field == kType) type = reader.number;
  }
  require<ConfigError>(type >= SentencepieceModel::kNormal && type <= SentencepieceModel::kControl,
                       "{}: piece '{}' is of type {}; T5's are normal (1), unknown (2) or control (3)", name,
                       printable(piece.text), type);
  piece.type = static_cast<SentencepieceModel::Type>(type);
  return piece;
}

void put_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void put_bytes(std::string& out, uint64_t field, std::string_view bytes) {
  put_varint(out, field << 3 | kBytes);
  put_varint(out, bytes.size());
  out += bytes;
}

}  // namespace

SentencepieceModel parse_sentencepiece(std::string_view bytes, const std::string& name) {
  SentencepieceModel model;
  bool is_whole = false;
  for (MessageReader reader(bytes, name); reader.next();) {
    if (reader.field == kPieces) model.pieces.push_back(parse_piece(reader.bytes, name));
    if (reader.field == kTrainer) {
      for (MessageReader trainer(reader.bytes, name); trainer.next();) {
        require<ConfigError>(trainer.field != kModelType || trainer.number == kUnigram,
                             "{} is a model of another kind than T5's, which is unigram", name);
      }
    }
    if (reader.field == kNormalizer) {
      is_whole = true;  // it is the last record
      for (MessageReader normalizer(reader.bytes, name); normalizer.next();) {
        if (normalizer.field == kCharsmap) model.charsmap = normalizer.bytes;
      }
    }
  }
  require<DamageError>(is_whole, "{} is cut or no model of sentencepiece", name);
  return model;
}

void require_sound(const SentencepieceModel& model, const std::string& name) {
  constexpr size_t kMaxPieceBytes = 1024;  // T5's longest has 16 characters
  std::set<std::string_view> seen;
  int64_t num_unknown = 0, num_normal = 0;
  for (const auto& piece : model.pieces) {
    const auto text = printable(piece.text);
    require<DamageError>(!piece.text.empty() && piece.text.size() <= kMaxPieceBytes && is_utf8(piece.text) &&
                             piece.text.find('\0') == piece.text.npos,
                         "{} is damaged: '{}' is no piece", name, text);
    require<DamageError>(std::isfinite(piece.score), "{} is damaged: piece '{}' has the score {}", name, text,
                         piece.score);
    require<DamageError>(seen.insert(piece.text).second, "{} is damaged: piece '{}' is there twice", name, text);
    num_unknown += piece.type == SentencepieceModel::kUnknown ? 1 : 0;
    num_normal += piece.type == SentencepieceModel::kNormal ? 1 : 0;
  }
  require<DamageError>(
      num_unknown == 1 && num_normal > 0,
      "{} is cut or no model of sentencepiece: it has {} pieces and {} unknown ones, which should be one", name,
      num_normal, num_unknown);
}

std::string serialize(const SentencepieceModel& model) {
  std::string out;
  for (const auto& piece : model.pieces) {
    std::string message;
    put_bytes(message, kText, piece.text);
    put_varint(message, kScore << 3 | kFixed32);
    message.append(reinterpret_cast<const char*>(&piece.score), sizeof(piece.score));
    if (piece.type != SentencepieceModel::kNormal) {
      put_varint(message, kType << 3 | kVarint);
      put_varint(message, piece.type);
    }
    put_bytes(out, kPieces, message);
  }
  std::string normalizer;
  if (!model.charsmap.empty()) put_bytes(normalizer, kCharsmap, model.charsmap);
  put_bytes(out, kNormalizer, normalizer);
  return out;
}

}  // namespace fgm
