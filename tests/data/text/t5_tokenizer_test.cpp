#include "data/text/t5_tokenizer.h"

#include <gmock/gmock.h>
#include <torch/csrc/jit/api/module.h>

#include <map>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "data/text/internal/chars_map.h"
#include "data/text/internal/sentencepiece_model.h"
#include "data/text/internal/shipped_vocabularies.h"
#include "tests/data/text/tokenizer_files.h"
#include "tests/support/errors.h"

namespace fgm {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Ids = std::vector<int64_t>;

const Tokenizer& t5() {
  static const auto kTokenizer = open_t5_tokenizer("");
  return *kTokenizer;
}

// The model of tests/golden/make_tokenizer_golden.py, which has a character map.
std::string tiny_model() {
  return read_bytes(FGM_SOURCE_DIR "/tests/fuzz/tokenizers/t5/spiece.model");
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t bits = 0;
    for (size_t j = i; j < i + 3; ++j) bits = bits << 8 | (j < bytes.size() ? static_cast<uint8_t>(bytes[j]) : 0);
    for (int shift = 18; shift >= 0; shift -= 6) text += kDigits[bits >> shift & 63];
  }
  for (size_t i = 0; i < (3 - bytes.size() % 3) % 3; ++i) text[text.size() - 1 - i] = '=';
  return text;
}

// As transformers writes it: the tokens <extra_id_k> are behind the pieces, and added ones.
json tokenizer_json(const SentencepieceModel& model) {
  json pieces = json::array(), added = json::array();
  for (const auto& piece : model.pieces) pieces.push_back({piece.text, piece.score});
  for (const auto& [id, text] : std::map<int, std::string>{{0, "<pad>"}, {1, "</s>"}, {2, "<unk>"}}) {
    added.push_back({{"id", id}, {"content", text}, {"normalized", false}});
  }
  for (int k = 99; k >= 0; --k) {
    const auto text = fmt::format("<extra_id_{}>", k);
    added.push_back({{"id", pieces.size()}, {"content", text}, {"normalized", false}});
    pieces.push_back({text, 0.0});
  }
  return {{"added_tokens", added},
          {"normalizer", {{"type", "Precompiled"}, {"precompiled_charsmap", base64(model.charsmap)}}},
          {"model", {{"type", "Unigram"}, {"unk_id", 2}, {"vocab", pieces}}}};
}

TEST(T5Tokenizer, HasTheIdsOfTransformers) {
  const auto golden = json::parse(read_bytes(FGM_SOURCE_DIR "/tests/golden/tokenizers.json"));
  ASSERT_GT(golden.size(), 400u);
  for (const auto& entry : golden) {
    const auto text = entry.at("text").get<std::string>();
    auto expected = entry.at("t5").get<Ids>();
    expected.resize(1000, 0);
    EXPECT_EQ(t5().encode(text, 1000).ids, expected) << "'" << text << "'";
  }
}

TEST(T5Tokenizer, CutsWhatDoesNotFitAndCountsIt) {
  const auto cut = t5().encode("A photo of a cat.", 4);
  EXPECT_THAT(cut.ids, ElementsAre(71, 1202, 13, 1));
  EXPECT_EQ(cut.num_cut, 4);
  EXPECT_THAT(t5().encode("", 3).ids, ElementsAre(1, 0, 0));
}

TEST(T5Tokenizer, ReadsTheSameFromSpieceModelAndFromTokenizerJson) {
  const TokenizerFiles files{{"spiece.model", std::string(shipped_t5_model())}};
  EXPECT_EQ(open_t5_tokenizer(files.path())->digest(), t5().digest());
  const auto model = parse_sentencepiece(shipped_t5_model(), "");
  auto tokenizer = tokenizer_json(model);
  const TokenizerFiles whole{{"tokenizer.json", tokenizer.dump()}};
  EXPECT_EQ(open_t5_tokenizer(whole.path())->digest(), t5().digest());
  tokenizer["normalizer"] = {{"type", "Sequence"}, {"normalizers", {tokenizer["normalizer"]}}};
  const TokenizerFiles sequence{{"tokenizer.json", tokenizer.dump()}};
  EXPECT_EQ(open_t5_tokenizer(sequence / "tokenizer.json")->digest(), t5().digest());
}

TEST(T5Tokenizer, WritesTheModelThatItRead) {
  EXPECT_EQ(serialize(parse_sentencepiece(shipped_t5_model(), "")), shipped_t5_model());
}

TEST(T5Tokenizer, AppliesTheCharacterMapOfAModel) {
  const TokenizerFiles files{{"spiece.model", tiny_model()}};
  const auto tiny = open_t5_tokenizer(files.path());
  EXPECT_EQ(tiny->encode("A CAT", 20).ids, tiny->encode("a CAT", 20).ids);
  EXPECT_NE(tiny->encode("C", 20).ids, tiny->encode("c", 20).ids);
  EXPECT_EQ(tiny->encode("a\u00A0cat", 20).ids, tiny->encode("a cat", 20).ids);
}

TEST(T5Tokenizer, TakesPaddingAndEndFromTheFolder) {
  const TokenizerFiles files(
      {{"spiece.model", tiny_model()}, {"tokenizer_config.json", R"({"pad_token": "</s>", "eos_token": "<pad>"})"}});
  EXPECT_THAT(open_t5_tokenizer(files.path())->encode("", 3).ids, ElementsAre(0, 1, 1));
}

TEST(T5Tokenizer, NamesTheFileThatCannotBeUsed) {
  const auto message = [](const TokenizerFiles& files) {
    return message_of<Error>([&] { open_t5_tokenizer(files.path()); });
  };
  EXPECT_THAT(message(TokenizerFiles{}), HasSubstr("holds no spiece.model and no tokenizer.json"));
  EXPECT_THAT(message(TokenizerFiles{{"spiece.model", "version https://git-lfs"}}), HasSubstr("spiece.model"));
  EXPECT_THAT(message(TokenizerFiles{{"spiece.model", ""}}), HasSubstr("cut or no model of sentencepiece"));
  const auto clip = TokenizerFiles{{"tokenizer.json", R"({"model": {"type": "BPE", "vocab": {"a": 1}}})"}};
  EXPECT_THAT(message(clip), HasSubstr("tokenizer.json is no tokenizer of T5"));
  auto model = parse_sentencepiece(tiny_model(), "");
  model.pieces.push_back(model.pieces.back());
  EXPECT_THAT(message(TokenizerFiles{{"spiece.model", serialize(model)}}), HasSubstr("is there twice"));
}

TEST(CharsMap, NoPathOfADamagedOneLeadsBeyondItsEnd) {
  const auto sound = parse_sentencepiece(tiny_model(), "").charsmap;
  EXPECT_EQ(CharsMap(sound, "").normalize("A \uFB01lm e\u0301"), "a film \u00E9");
  int num_refused = 0, num_changed = 0;
  for (size_t i = 0; i < 8 * sound.size(); ++i) {
    auto damaged = sound;
    damaged[i / 8] = static_cast<char>(damaged[i / 8] ^ 1 << i % 8);
    try {
      num_changed += CharsMap(damaged, "tiny").normalize("A \uFB01lm e\u0301") == "a film \u00E9" ? 0 : 1;
    } catch (const DamageError&) {
      ++num_refused;
    }
  }
  EXPECT_GT(num_refused, 20) << "the bits of the array's size";
  EXPECT_GT(num_changed, 50);
}

TEST(T5Tokenizer, RefusesEveryTruncatedModel) {
  for (size_t size = 0; size < shipped_t5_model().size(); size += 49'937) {
    EXPECT_THAT(message_of<IoError>([&] {
                  require_sound(parse_sentencepiece(shipped_t5_model().substr(0, size), "t5.model"), "t5.model");
                }),
                HasSubstr("t5.model"));
  }
}

// Both libraries have a variable of one name: see t5_tokenizer.cpp.
TEST(T5Tokenizer, StandsBesideTorchScript) {
  ASSERT_EQ(t5().encode("a hat", 8).ids.size(), 8U);
  torch::jit::Module network("network");
  network.define("def forward(self, x):\n    return x + 1\n");
  EXPECT_EQ(network.forward({at::ones({1})}).toTensor().item<float>(), 2.0F);
}

}  // namespace
}  // namespace fgm
