#include "data/text/clip_tokenizer.h"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <optional>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/text.h"
#include "core/io/file.h"
#include "core/io/strict_json.h"
#include "data/text/internal/added_tokens.h"
#include "data/text/internal/byte_pairs.h"
#include "data/text/internal/prompt_ids.h"
#include "data/text/internal/shipped_vocabularies.h"
#include "data/text/internal/tokenizer_folder.h"

namespace fgm {
namespace {

using nlohmann::json;

constexpr std::string_view kStart = "<|startoftext|>", kEnd = "<|endoftext|>";
constexpr size_t kNumMerges = 48'894;

// ---- the rule "nfc"

UChar32 character_at(std::string_view text, size_t& at) {
  UChar32 character = 0;
  U8_NEXT(text.data(), at, text.size(), character);
  return character;
}

// The lower case of each character by itself. Of all characters only one has a lower case of two.
std::string lower_case(std::string_view text) {
  constexpr UChar32 kDottedI = 0x130;
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const auto character = character_at(text, at);
    std::array<char, U8_MAX_LENGTH> bytes{};
    size_t size = 0;
    U8_APPEND_UNSAFE(bytes.data(), size, u_tolower(character));
    if (character == kDottedI) {
      out += "i\u0307";
    } else {
      out.append(bytes.data(), size);
    }
  }
  return out;
}

std::string normalize(std::string_view text) {
  return lower_case(to_nfc(std::string(text)));
}

enum class CharacterKind { kBlank, kLetter, kNumber, kOther };

CharacterKind kind_of(UChar32 character) {
  if (u_isUWhiteSpace(character)) return CharacterKind::kBlank;
  const auto categories = U_GET_GC_MASK(character);
  if ((categories & U_GC_L_MASK) != 0) return CharacterKind::kLetter;
  return (categories & U_GC_N_MASK) != 0 ? CharacterKind::kNumber : CharacterKind::kOther;
}

// The bytes of the first run of `text`: letters, or others; a blank or a number is alone.
size_t run_size(std::string_view text) {
  size_t end = 0;
  const auto kind = kind_of(character_at(text, end));
  if (kind == CharacterKind::kBlank || kind == CharacterKind::kNumber) return end;
  for (size_t next = end; next < text.size() && kind_of(character_at(text, next)) == kind;) end = next;
  return end;
}

// Calls `take` with each word of normalized text, by the pattern
//   <\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+
// whose first two are cut once more, into "<|", the name and "|>", by the pattern of the byte level (GPT-2's).
template <typename Take>
void for_each_word(std::string_view text, const Take& take) {
  constexpr std::array<std::string_view, 7> kEndings = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
  while (!text.empty()) {
    if (text.starts_with(kStart) || text.starts_with(kEnd)) {
      const size_t end = text.find('>');
      for (const auto word : {text.substr(0, 2), text.substr(2, end - 3), text.substr(end - 1, 2)}) take(word);
      text.remove_prefix(end + 1);
      continue;
    }
    const auto* ending = std::ranges::find_if(kEndings, [&](std::string_view e) { return text.starts_with(e); });
    const size_t size = ending != kEndings.end() ? ending->size() : run_size(text);
    if (size_t at = 0; kind_of(character_at(text, at)) != CharacterKind::kBlank) take(text.substr(0, size));
    text.remove_prefix(size);
  }
}

// ---- the vocabulary

std::pair<std::string, std::string> merge_of(std::string_view text, const std::string& place) {
  const size_t blank = text.find(' ');
  const bool is_merge = blank != text.npos && blank > 0 && blank + 1 < text.size() && blank == text.rfind(' ');
  require<ConfigError>(is_merge, "{}: '{}' is no merge, which is two tokens with a blank between them", place,
                       printable(text));
  return {std::string(text.substr(0, blank)), std::string(text.substr(blank + 1))};
}

BytePairVocabulary read_merges(std::string_view text, const std::string& name) {
  BytePairVocabulary vocabulary;
  const auto lines = lines_of(text);
  for (size_t i = 0; i < lines.size(); ++i) {
    const bool is_title = i == 0 && lines[i].find("#version") != lines[i].npos;
    if (is_title || lines[i].empty()) continue;
    vocabulary.merges.push_back(merge_of(lines[i], fmt::format("{}:{}", name, i + 1)));
  }
  return vocabulary;
}

// The 256 bytes, the same at the end of a word, what the merges make, and the two ends of a text.
std::map<std::string, int64_t> ids_in_clips_order(const BytePairVocabulary& vocabulary, const std::string& name) {
  require<ConfigError>(vocabulary.merges.size() == kNumMerges,
                       "{} has {} merges, CLIP's are {}; put its vocab.json beside it, which knows the ids", name,
                       vocabulary.merges.size(), kNumMerges);
  std::map<std::string, int64_t> ids;
  const auto add = [&](const std::string& token) { ids.try_emplace(token, std::ssize(ids)); };
  for (const auto byte : bytes_in_order()) add(byte_symbols()[byte]);
  for (const auto byte : bytes_in_order()) add(byte_symbols()[byte] + "</w>");
  for (const auto& [left, right] : vocabulary.merges) add(left + right);
  add(std::string(kStart));
  add(std::string(kEnd));
  return ids;
}

std::map<std::string, int64_t> read_ids(const json& vocabulary, const std::string& file, const std::string& what) {
  require<ConfigError>(vocabulary.is_object() && !vocabulary.empty(), "{}: {} should be an object of tokens and ids",
                       file, what);
  std::map<std::string, int64_t> ids;
  for (const auto& [token, id] : vocabulary.items()) {
    ids.emplace_hint(ids.end(), token, id_in(id, file, fmt::format("the id of '{}'", printable(token))));
  }
  return ids;
}

BytePairVocabulary read_byte_pair_json(const json& tokenizer, const std::string& file) {
  const auto& model = member(tokenizer, "model");
  const auto& suffix = member(model, "end_of_word_suffix");
  require<ConfigError>(suffix == "</w>", "{} is no tokenizer of CLIP: model.end_of_word_suffix is not \"</w>\"", file);
  BytePairVocabulary vocabulary{.ids = read_ids(member(model, "vocab"), file, "model.vocab"), .merges = {}};
  for (const auto& merge : member(model, "merges")) {
    if (merge.is_array() && merge.size() == 2) {
      vocabulary.merges.emplace_back(text_in(merge[0], file, "a merge"), text_in(merge[1], file, "a merge"));
    } else {
      vocabulary.merges.push_back(merge_of(text_in(merge, file, "a merge"), file));
    }
  }
  return vocabulary;
}

BytePairVocabulary read_vocabulary(const TokenizerFolder& folder) {
  if (!folder.tokenizer.is_null()) return read_byte_pair_json(folder.tokenizer, folder.name());
  const auto text = folder.vocabulary.empty() ? std::string(shipped_clip_merges()) : read_text(folder.vocabulary);
  auto vocabulary = read_merges(text, folder.name());
  const auto ids = folder.vocabulary.parent_path() / "vocab.json";
  std::error_code ignored;
  if (!folder.vocabulary.empty() && std::filesystem::exists(ids, ignored)) {
    vocabulary.ids = read_ids(read_json(ids), ids.string(), "it");
  } else {
    vocabulary.ids = ids_in_clips_order(vocabulary, folder.name());
  }
  return vocabulary;
}

// ---- the tokenizer

struct SpecialIds {
  int64_t start = 0, end = 0, unknown = 0, pad = 0;
};

SpecialIds add_special_ids(TokenizerFolder& folder, const BytePairVocabulary& vocabulary, ClipKind kind) {
  const auto id_of = [&](const std::string& token) -> std::optional<int64_t> {
    const auto found = vocabulary.ids.find(token);
    return found == vocabulary.ids.end() ? std::nullopt : std::optional(found->second);
  };
  const AddedToken end{.content = std::string(kEnd)}, exclamation{.content = "!"};
  return {.start = folder.add_special("bos_token", {.content = std::string(kStart), .is_normalized = true}, id_of),
          .end = folder.add_special("eos_token", end, id_of),
          .unknown = folder.add_special("unk_token", end, id_of),
          .pad = folder.add_special("pad_token", kind == ClipKind::kG ? exclamation : end, id_of)};
}

class ClipTokenizer : public Tokenizer {
 public:
  ClipTokenizer(const BytePairVocabulary& vocabulary, const SpecialIds& special, std::vector<AddedToken> added,
                const std::string& name)
      : special_(special), pairs_(vocabulary, special.unknown, name) {
    std::vector<std::string> texts = {std::string(kClipTextRule), fmt::format("{} {} {} {}", special.start, special.end,
                                                                              special.unknown, special.pad)};
    for (const auto& [token, id] : vocabulary.ids) texts.push_back(fmt::format("{} {}", id, token));
    for (const auto& [left, right] : vocabulary.merges) texts.push_back(left + " " + right);
    std::ranges::copy(texts_of(added), std::back_inserter(texts));
    digest_ = digest_texts(texts).hex();

    const auto normalized = std::ranges::partition(added, [](const AddedToken& t) { return !t.is_normalized; });
    std::vector<AddedToken> of_normalized_text(normalized.begin(), normalized.end());
    for (auto& token : of_normalized_text) token.content = normalize(token.content);
    in_normalized_text_ = AddedTokens(std::move(of_normalized_text));
    added.erase(normalized.begin(), normalized.end());
    in_typed_text_ = AddedTokens(std::move(added));
  }

  Ids encode(std::string_view text, int64_t length) const override {
    require_prompt(text);
    std::vector<int64_t> ids = {special_.start};
    for (const auto& part : in_typed_text_.parts_of(text)) {
      if (part.id >= 0) {
        ids.push_back(part.id);
      } else {
        add_ids_of(normalize(part.text), ids);
      }
    }
    return close_ids(std::move(ids), length, special_.end, special_.pad);
  }

  std::string digest() const override { return digest_; }

 private:
  void add_ids_of(std::string_view normalized, std::vector<int64_t>& ids) const {
    for (const auto& part : in_normalized_text_.parts_of(normalized)) {
      if (part.id >= 0) {
        ids.push_back(part.id);
      } else {
        for_each_word(part.text, [&](std::string_view word) { pairs_.encode(word, ids); });
      }
    }
  }

  SpecialIds special_;
  BytePairs pairs_;
  AddedTokens in_typed_text_, in_normalized_text_;
  std::string digest_;
};

}  // namespace

std::unique_ptr<Tokenizer> open_clip_tokenizer(const std::filesystem::path& path, ClipKind kind) {
  auto folder = open_tokenizer_folder(path, {"merges.txt", "tokenizer.json"});
  const auto vocabulary = read_vocabulary(folder);
  const auto special = add_special_ids(folder, vocabulary, kind);
  return std::make_unique<ClipTokenizer>(vocabulary, special, folder.added, folder.name());
}

}  // namespace fgm
