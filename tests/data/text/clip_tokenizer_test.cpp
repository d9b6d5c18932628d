#include "data/text/clip_tokenizer.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "tests/data/text/tokenizer_files.h"
#include "tests/support/errors.h"

namespace fgm {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Ids = std::vector<int64_t>;

constexpr int64_t kEnd = 49407;

const Tokenizer& clip(ClipKind kind) {
  static const auto kL = open_clip_tokenizer("", ClipKind::kL), kG = open_clip_tokenizer("", ClipKind::kG);
  return kind == ClipKind::kL ? *kL : *kG;
}

Ids ids_of(const std::string& text) {
  const auto ids = clip(ClipKind::kL).encode(text, 40).ids;
  return {ids.begin() + 1, std::ranges::find(ids.begin() + 1, ids.end(), kEnd)};
}

// A vocabulary of a few tokens, whose ids are in no usual order.
const json kTinyIds = {{"a", 7},  {"b", 9}, {"a</w>", 1}, {"b</w>", 4},           {"ab</w>", 5},
                       {"ab", 6}, {"!", 2}, {"!</w>", 3}, {"<|startoftext|>", 0}, {"<|endoftext|>", 8}};
const std::string kTinyMerges = "#version: 0.2\na b</w>\na b\n";

TokenizerFiles tiny_files() {
  return {{"merges.txt", kTinyMerges}, {"vocab.json", kTinyIds.dump()}};
}

json tiny_tokenizer_json(const json& merges) {
  return {{"model", {{"type", "BPE"}, {"end_of_word_suffix", "</w>"}, {"vocab", kTinyIds}, {"merges", merges}}},
          {"added_tokens", json::array()}};
}

TEST(ClipTokenizer, HasTheIdsOfTransformers) {
  const auto golden = json::parse(read_bytes(FGM_SOURCE_DIR "/tests/golden/tokenizers.json"));
  ASSERT_GT(golden.size(), 400u);
  for (const auto& entry : golden) {
    const auto text = entry.at("text").get<std::string>();
    for (const auto kind : {ClipKind::kL, ClipKind::kG}) {
      const char* key = kind == ClipKind::kG && entry.contains("clip_g") ? "clip_g" : "clip_l";
      auto expected = entry.at(key).get<Ids>();
      expected.resize(1000, kind == ClipKind::kL ? kEnd : 0);
      EXPECT_EQ(clip(kind).encode(text, 1000).ids, expected) << key << " of '" << text << "'";
    }
  }
}

TEST(ClipTokenizer, EveryExclamationMarkIsThePaddingOfClipG) {
  EXPECT_THAT(clip(ClipKind::kL).encode("wow!!!", 6).ids, ElementsAre(49406, 2781, 995, kEnd, kEnd, kEnd));
  EXPECT_THAT(clip(ClipKind::kG).encode("wow!!!", 8).ids, ElementsAre(49406, 2781, 0, 0, 0, kEnd, 0, 0));
}

TEST(ClipTokenizer, CutsWhatDoesNotFitAndCountsIt) {
  const auto cut = clip(ClipKind::kL).encode("a photo of a cat.", 5);
  EXPECT_THAT(cut.ids, ElementsAre(49406, 320, 1125, 539, kEnd));
  EXPECT_EQ(cut.num_cut, 3);
  const auto whole = clip(ClipKind::kL).encode("a photo of a cat.", 8);
  EXPECT_EQ(whole.num_cut, 0);
  EXPECT_EQ(whole.ids.back(), kEnd);
}

TEST(ClipTokenizer, LowersEveryCharacterByItself) {
  EXPECT_EQ(ids_of("\u039F\u03A3"), ids_of("\u03BF\u03C3")) << "a last sigma is no final one";
  EXPECT_EQ(ids_of("\u0130"), ids_of("i\u0307"));
}

TEST(ClipTokenizer, DoesNotMendCurlyQuotes) {
  EXPECT_NE(ids_of("it\u2019s"), ids_of("it's"));
}

TEST(ClipTokenizer, KnowsTheStartTokenInCapitalsAndTheEndTokenOnlyAsItIsWritten) {
  EXPECT_THAT(ids_of("<|STARTOFTEXT|>"), ElementsAre(49406));
  EXPECT_THAT(ids_of("<|ENDOFTEXT|>"), ElementsAre(27, 347, 40786, 4160, 91, 285));
}

TEST(ClipTokenizer, AWordOfAHundredThousandLettersIsOneMore) {
  const auto ids = clip(ClipKind::kL).encode(std::string(100'000, 'a') + " cat", 77);
  EXPECT_EQ(ids.ids.size(), 77u);
  EXPECT_GT(ids.num_cut, 1'000);
}

TEST(ClipTokenizer, AnEarlierMergeComesFirstAndOfOneMergeTheLeftmost) {
  const auto vocabulary = [](const std::string& merges) {
    json ids = kTinyIds;
    for (const auto* token : {"aa", "aa</w>", "ba"}) ids[token] = ids.size();
    return TokenizerFiles{{"merges.txt", merges}, {"vocab.json", ids.dump()}};
  };
  const auto aa_first = vocabulary("a a\na b</w>\n"), ab_first = vocabulary("a b</w>\na a\n");
  EXPECT_THAT(open_clip_tokenizer(aa_first.path(), ClipKind::kL)->encode("aab", 4).ids, ElementsAre(0, 10, 4, 8));
  EXPECT_THAT(open_clip_tokenizer(ab_first.path(), ClipKind::kL)->encode("aab", 4).ids, ElementsAre(0, 7, 5, 8));
  EXPECT_THAT(open_clip_tokenizer(aa_first.path(), ClipKind::kL)->encode("aaaa", 5).ids, ElementsAre(0, 10, 7, 1, 8));
}

TEST(ClipTokenizer, ReadsTheSameFromMergesAndFromTokenizerJsonInBothSpellings) {
  const TokenizerFiles merges = tiny_files();
  const TokenizerFiles words{{"tokenizer.json", tiny_tokenizer_json(json::parse(R"(["a b</w>", "a b"])")).dump()}};
  const TokenizerFiles pairs{
      {"tokenizer.json", tiny_tokenizer_json(json::parse(R"([["a", "b</w>"], ["a", "b"]])")).dump()}};
  const auto tokenizer = open_clip_tokenizer(merges.path(), ClipKind::kL);
  EXPECT_THAT(tokenizer->encode("ab aba!", 8).ids, ElementsAre(0, 5, 6, 1, 3, 8, 8, 8));
  for (const auto& path : {words.path(), pairs.path(), pairs / "tokenizer.json", merges / "merges.txt"}) {
    EXPECT_EQ(open_clip_tokenizer(path, ClipKind::kL)->digest(), tokenizer->digest()) << path;
  }
  EXPECT_NE(open_clip_tokenizer(merges.path(), ClipKind::kG)->digest(), tokenizer->digest()) << "padding decides ids";
}

TEST(ClipTokenizer, TheMergesThatShipAreInClipsOrderAndAnyOtherOnesNeedTheirIds) {
  TokenizerFiles files{{"merges.txt", read_bytes(FGM_SOURCE_DIR "/data/text/vocab/clip_merges.txt")}};
  EXPECT_EQ(open_clip_tokenizer(files.path(), ClipKind::kL)->digest(), clip(ClipKind::kL).digest());
  files.write("merges.txt", kTinyMerges);
  EXPECT_THAT(message_of<ConfigError>([&] { open_clip_tokenizer(files.path(), ClipKind::kL); }),
              HasSubstr("merges.txt has 2 merges, CLIP's are 48894; put its vocab.json beside it"));
}

TEST(ClipTokenizer, AByteBeyondTheVocabularyIsTheUnknownToken) {
  const TokenizerFiles files = tiny_files();
  EXPECT_THAT(open_clip_tokenizer(files.path(), ClipKind::kL)->encode("axb", 6).ids, ElementsAre(0, 7, 8, 4, 8, 8));
}

TEST(ClipTokenizer, TakesAddedTokensAndPaddingFromTheFolder) {
  auto files = tiny_files();
  files.write("special_tokens_map.json", R"({"pad_token": {"content": "!", "normalized": false}})");
  EXPECT_THAT(open_clip_tokenizer(files.path(), ClipKind::kL)->encode("a!", 5).ids, ElementsAre(0, 1, 2, 8, 2));
  files.write("tokenizer_config.json",
              R"({"pad_token": "<|startoftext|>", "added_tokens_decoder": {
                  "11": {"content": "<Style>", "normalized": false}, "12": {"content": "B b", "normalized": true}}})");
  EXPECT_THAT(open_clip_tokenizer(files.path(), ClipKind::kL)->encode("a<Style>b B<style>", 12).ids,
              ElementsAre(0, 1, 11, 12, 8, 8, 8, 8, 8, 8, 8, 8))
      << "<style> is ten unknown bytes in three words";
}

TEST(ClipTokenizer, NamesTheFileThatCannotBeUsed) {
  const auto message = [](const TokenizerFiles& files) {
    return message_of<ConfigError>([&] { open_clip_tokenizer(files.path(), ClipKind::kL); });
  };
  auto files = TokenizerFiles{};
  EXPECT_THAT(message(files), HasSubstr("holds no merges.txt and no tokenizer.json"));
  files.write("merges.txt", "#version\na b</w>\nab\n");
  EXPECT_THAT(message(files), HasSubstr("merges.txt:3: 'ab' is no merge"));
  files.write("merges.txt", "#version\na b</w>\nb b\n");
  files.write("vocab.json", kTinyIds.dump());
  EXPECT_THAT(message(files), HasSubstr("the merge of 'b' and 'b' needs 'bb', which the vocabulary lacks"));
  files.write("vocab.json", R"({"a": -1})");
  EXPECT_THAT(message(files), HasSubstr("vocab.json: the id of 'a' should be a number from 0 to 2147483647 and is -1"));
  files.write("vocab.json", R"({"a": 1})");
  files.write("merges.txt", "");
  EXPECT_THAT(message(files), HasSubstr("bos_token is '<|startoftext|>', which the vocabulary lacks"));
  files.write("tokenizer_config.json", R"({"added_tokens_decoder": {"1": {"content": "x", "single_word": true}}})");
  EXPECT_THAT(message(files), HasSubstr("tokenizer_config.json: an added token 'x' has single_word"));
  const TokenizerFiles t5{{"tokenizer.json", R"({"model": {"type": "Unigram", "vocab": []}})"}};
  EXPECT_THAT(message(t5), HasSubstr("tokenizer.json is no tokenizer of CLIP"));
}

TEST(ClipTokenizer, RefusesAPromptThatIsNotUtf8OrTooLong) {
  EXPECT_THAT(message_of<ConfigError>([] { clip(ClipKind::kL).encode("caf\xE9", 77); }),
              HasSubstr("prompt 'caf\\xE9' is not UTF-8"));
  EXPECT_THAT(message_of<ConfigError>([] { clip(ClipKind::kL).encode(std::string((1 << 20) + 1, 'a'), 77); }),
              HasSubstr("is too long, 1.0 MiB are the most"));
}

}  // namespace
}  // namespace fgm
