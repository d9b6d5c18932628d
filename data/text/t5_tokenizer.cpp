#include "data/text/t5_tokenizer.h"

#include <sentencepiece_processor.h>

#include <algorithm>
#include <cstddef>
#include <optional>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/text.h"
#include "core/io/file.h"
#include "data/text/internal/added_tokens.h"
#include "data/text/internal/chars_map.h"
#include "data/text/internal/prompt_ids.h"
#include "data/text/internal/sentencepiece_model.h"
#include "data/text/internal/shipped_vocabularies.h"
#include "data/text/internal/tokenizer_folder.h"

// libsentencepiece and LibTorch's libc10 export variables of this name, and the dynamic linker gives both libraries the
// first that it finds. That was libc10's 4 bytes: libsentencepiece made an object of 32 in them, over a mutex, at which
// every TorchScript network then waited for ever. A variable of the program's own comes before both; it is large enough
// for libsentencepiece's object, and libc10 only reads its own as a flag of a command line that nobody gives it.
extern "C" {
alignas(std::max_align_t) std::byte FLAGS_minloglevel[1024];
}

namespace fgm {
namespace {

using nlohmann::json;

std::string decode_base64(std::string_view text, const std::string& file) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  uint32_t bits = 0;
  int num_bits = 0;
  for (const char digit : text.substr(0, text.find('='))) {
    const size_t value = kDigits.find(digit);
    require<ConfigError>(value != kDigits.npos, "{}: precompiled_charsmap is not in base64", file);
    bits = bits << 6 | static_cast<uint32_t>(value);
    num_bits += 6;
    if (num_bits < 8) continue;
    num_bits -= 8;
    bytes += static_cast<char>(bits >> num_bits);
  }
  return bytes;
}

// The charsmap of a normalizer, which may be one of a sequence.
std::string charsmap_of(const json& normalizer, const std::string& file) {
  if (const auto& map = member(normalizer, "precompiled_charsmap"); !map.is_null()) {
    return decode_base64(text_in(map, file, "precompiled_charsmap"), file);
  }
  for (const auto& part : member(normalizer, "normalizers")) {
    const auto& map = member(part, "precompiled_charsmap");
    if (!map.is_null()) return decode_base64(text_in(map, file, "precompiled_charsmap"), file);
  }
  return "";
}

// The model of a tokenizer.json, as spiece.model would have it: without the added tokens behind its pieces.
SentencepieceModel read_unigram_json(const TokenizerFolder& folder) {
  const auto file = folder.name();
  const auto& model = member(folder.tokenizer, "model");
  const auto& vocabulary = member(model, "vocab");
  require<ConfigError>(vocabulary.is_array(), "{} is no tokenizer of T5: model.vocab is no list of pieces and scores",
                       file);
  const auto is_added = [&](const std::string& text) {
    return std::ranges::find(folder.added, text, &AddedToken::content) != folder.added.end();
  };
  SentencepieceModel read{.pieces = {}, .charsmap = charsmap_of(member(folder.tokenizer, "normalizer"), file)};
  for (const auto& entry : vocabulary) {
    require<ConfigError>(entry.is_array() && entry.size() == 2 && entry[1].is_number(),
                         "{}: entry {} of model.vocab is no piece with its score", file, read.pieces.size());
    read.pieces.push_back({.text = text_in(entry[0], file, "a piece"), .score = entry[1].get<float>()});
  }
  const auto unknown = id_in(member(model, "unk_id"), file, "model.unk_id");
  require<ConfigError>(unknown < std::ssize(read.pieces), "{}: model.unk_id is {}, and there are {} pieces", file,
                       unknown, read.pieces.size());
  for (auto& piece : read.pieces) piece.type = is_added(piece.text) ? SentencepieceModel::kControl : piece.type;
  read.pieces[static_cast<size_t>(unknown)].type = SentencepieceModel::kUnknown;
  while (read.pieces.back().type == SentencepieceModel::kControl) read.pieces.pop_back();
  return read;
}

SentencepieceModel read_model(const TokenizerFolder& folder) {
  if (!folder.tokenizer.is_null()) return read_unigram_json(folder);
  if (folder.vocabulary.empty()) return parse_sentencepiece(shipped_t5_model(), folder.name());
  return parse_sentencepiece(read_file(folder.vocabulary), folder.name());
}

// The <extra_id_k> that no file lists stand behind the pieces, the last first.
void add_extra_ids(TokenizerFolder& folder, int64_t num_pieces) {
  constexpr int64_t kNumExtraIds = 100;
  for (int64_t k = 0; k < kNumExtraIds; ++k) {
    const AddedToken token{.content = fmt::format("<extra_id_{}>", k), .id = num_pieces + kNumExtraIds - 1 - k};
    const bool is_listed = std::ranges::find(folder.added, token.content, &AddedToken::content) != folder.added.end();
    if (!is_listed) folder.added.push_back(token);
  }
}

class T5Tokenizer : public Tokenizer {
 public:
  T5Tokenizer(SentencepieceModel model, TokenizerFolder folder) : chars_map_(model.charsmap, folder.name()) {
    const auto id_of = [&](const std::string& token) -> std::optional<int64_t> {
      const auto found = std::ranges::find(model.pieces, token, &SentencepieceModel::Piece::text);
      return found == model.pieces.end() ? std::nullopt : std::optional(found - model.pieces.begin());
    };
    end_ = folder.add_special("eos_token", {.content = "</s>"}, id_of);
    pad_ = folder.add_special("pad_token", {.content = "<pad>"}, id_of);
    folder.add_special("unk_token", {.content = "<unk>"}, id_of);
    add_extra_ids(folder, std::ssize(model.pieces));

    auto texts = texts_of(folder.added);
    texts.push_back(fmt::format("{} {}", end_, pad_));
    texts.push_back(serialize(model));
    digest_ = digest_texts(texts).hex();

    model.charsmap.clear();  // it is applied here: the library would follow a damaged one wherever it leads
    const auto status = processor_.LoadFromSerializedProto(serialize(model));
    require<DamageError>(status.ok(), "{}: sentencepiece cannot use it: {}", folder.name(), status.message());
    added_ = AddedTokens(std::move(folder.added));
  }

  Ids encode(std::string_view text, int64_t length) const override {
    require_prompt(text);
    std::vector<int64_t> ids;
    for (const auto& part : added_.parts_of(text)) {
      if (part.id >= 0) {
        ids.push_back(part.id);
        continue;
      }
      std::vector<int> pieces;
      const auto status = processor_.Encode(chars_map_.normalize(part.text), &pieces);
      check(status.ok(), "sentencepiece cannot encode '{}': {}", printable(part.text), status.message());
      ids.insert(ids.end(), pieces.begin(), pieces.end());
    }
    return close_ids(std::move(ids), length, end_, pad_);
  }

  std::string digest() const override { return digest_; }

 private:
  CharsMap chars_map_;
  sentencepiece::SentencePieceProcessor processor_;
  AddedTokens added_;
  int64_t end_ = 0, pad_ = 0;
  std::string digest_;
};

}  // namespace

std::unique_ptr<Tokenizer> open_t5_tokenizer(const std::filesystem::path& path) {
  auto folder = open_tokenizer_folder(path, {"spiece.model", "tokenizer.json"});
  auto model = read_model(folder);
  require_sound(model, folder.name());
  return std::make_unique<T5Tokenizer>(std::move(model), std::move(folder));
}

}  // namespace fgm
