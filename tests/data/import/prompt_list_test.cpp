#include "data/import/prompt_list.h"

#include <gmock/gmock.h>

#include <fstream>

#include "core/base/error.h"
#include "core/eval/shapes/dataset.h"
#include "data/store/store.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kComposed = "a caf\u00E9", kDecomposed = "a cafe\u0301";

class Prompts : public testing::Test {
 protected:
  std::vector<std::string> read(const std::string& name, const std::string& bytes, const std::string& column = "") {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return read_prompts(folder_ / name, column);
  }
  std::string error_of(const std::string& name, const std::string& bytes, const std::string& column = "") {
    try {
      read(name, bytes, column);
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), kExitConfig);
      EXPECT_THAT(error.what(), testing::Not(HasSubstr("json.exception")));
      return error.what();
    }
    return "no error";
  }

  const TemporaryFolder folder_;
};

TEST_F(Prompts, OfTextAreItsLinesWhateverWroteThem) {
  const auto expected = ElementsAre("a cat", "# 7, a dog", "a cow");
  EXPECT_THAT(read("p.txt", "a cat\n# 7, a dog\na cow\n"), expected);
  EXPECT_THAT(read("p.txt", "\uFEFFa cat\r\n\r\n# 7, a dog \t\r\n  a cow"), expected) << "Windows";
  EXPECT_THAT(read("p.txt", "a cat\r# 7, a dog\ra cow\r"), expected) << "an old Macintosh, or Excel on a new one";
  EXPECT_THAT(read("p.txt", "\uFEFFa cat\n\uFEFF# 7, a dog\na cow\n"), expected) << "two files, joined by cat";
  EXPECT_THAT(read("p", "a cat"), ElementsAre("a cat"));
}

TEST_F(Prompts, AreTheSameWhateverFileTheyCameIn) {
  for (const std::string& typed : {kComposed, kDecomposed}) {
    EXPECT_THAT(read("p.txt", typed + " \n"), ElementsAre(kComposed));
    EXPECT_THAT(read("p.jsonl", R"({"prompt": ")" + typed + " \"}\n"), ElementsAre(kComposed));
    EXPECT_THAT(read("p.json", "[\"" + typed + " \"]"), ElementsAre(kComposed));
  }
  EXPECT_THAT(read("p.jsonl", R"({"prompt": "a cafe\u0301"})"), ElementsAre(kComposed));
}

TEST_F(Prompts, ScenesAreTheGrammarsAndAFileOfThatNameIsReadByItsPath) {
  EXPECT_EQ(read_prompts("scenes"), shapes::balanced_captions(shapes::Split::kTrain));
  EXPECT_THAT(read("scenes", "a cat\n"), ElementsAre("a cat"));
}

TEST_F(Prompts, OfAStoreStayAsTheyStandThere) {
  write_store(folder_ / "p.h5", {"captions", nlohmann::json::object(), {kDecomposed, kComposed, " x"}, {}});
  EXPECT_EQ(read_prompts(folder_ / "p.h5").at(0), kDecomposed);
  EXPECT_EQ(read_prompts(folder_ / "p.h5").at(2), " x");
}

TEST_F(Prompts, OfGenEvalKeepTheirWholeLine) {
  const std::string line = R"({"tag": "colors", "prompt": "a red cow"})";
  for (const std::string name : {"p.jsonl", "P.JSONL"}) {
    EXPECT_THAT(read(name, "\uFEFF" + line + "\r\n\r\n"), ElementsAre("a red cow")) << name;
    EXPECT_EQ(read_prompt_list(folder_ / name).prompts.at(0).metadata, line);
  }
}

TEST_F(Prompts, OfAJsonArrayAreTextsOrObjects) {
  const std::string array = "[\"a cat\",\n {\"tag\": \"x\", \"prompt\": \"a dog\"}]\n";
  for (const std::string name : {"p.json", "p.JSON"}) {
    EXPECT_THAT(read(name, array), ElementsAre("a cat", "a dog"));
    EXPECT_EQ(read_prompt_list(folder_ / name).prompts.at(1).metadata, R"({"tag":"x","prompt":"a dog"})");
    EXPECT_EQ(read_prompt_list(folder_ / name).prompts.at(0).metadata, R"({"prompt":"a cat"})");
  }
}

TEST_F(Prompts, ErrorsNameFileAndLine) {
  EXPECT_THAT(error_of("p.txt", std::string("\xFF\xFE"
                                            "a\0",
                                            4)),
              HasSubstr("p.txt is UTF-16"));
  EXPECT_THAT(error_of("p.txt", "one\ncaf\xE9\n"), HasSubstr("p.txt:2: byte E9 is not UTF-8"));
  EXPECT_THAT(error_of("p.txt", std::string("one\ntwo\0\n", 9)), HasSubstr("p.txt:2: holds NUL"));
  EXPECT_THAT(error_of("p.txt", "\uFEFF\r\n \n"), HasSubstr("holds no caption"));

  const std::string good = R"({"prompt": "a cat"})"
                           "\n";
  EXPECT_THAT(error_of("p.jsonl", good + "{\"prompt\": \"a\n"), HasSubstr("p.jsonl:2 is no JSON object"));
  EXPECT_THAT(error_of("p.jsonl", good + R"({"prompt": 7})"), HasSubstr("p.jsonl:2 is no JSON object"));
  EXPECT_THAT(error_of("p.jsonl", good + R"({"prompt": "smile \ud83d"})"),
              testing::AllOf(HasSubstr("p.jsonl:2"), HasSubstr("half of a character")));
  EXPECT_THAT(error_of("p.jsonl", good + R"({"prompt": "a\u0000b"})"), HasSubstr("p.jsonl:2: its prompt holds NUL"));
  EXPECT_THAT(error_of("p.JSONL", std::string("\xFE\xFF\0{", 4)), HasSubstr("p.JSONL is UTF-16"));

  EXPECT_THAT(error_of("p.json", good + good),
              testing::AllOf(HasSubstr("line 2, column 1: '{' is unexpected"), HasSubstr("named .jsonl")));
  EXPECT_THAT(error_of("p.json", good), HasSubstr("no JSON array"));
  EXPECT_THAT(error_of("p.json", "[\"a\", 7]"), HasSubstr("prompt 2 is neither a text nor an object"));
  EXPECT_THAT(error_of("p.json", "[{\"tag\": \"a\"}]"),
              HasSubstr("prompt 1 is no JSON object with a text \"prompt\" or \"caption\" or \"text\""));
  EXPECT_THAT(error_of("p.json", "[]"), HasSubstr("holds no caption"));
}

TEST_F(Prompts, OfATableAreOneColumnOfItsRecords) {
  const auto expected = ElementsAre("a cat", "a \"big\", red\ndog", "a cow");
  EXPECT_THAT(read("p.csv", "id,prompt\n1,a cat\n2,\"a \"\"big\"\", red\ndog\"\n\n3, a cow "), expected);
  EXPECT_THAT(read("p.CSV", "\uFEFF\"prompt\",id\r\na cat,1\r\n\"a \"\"big\"\", red\ndog\",2\r\n\r\na cow,\"\"\r\n"),
              expected)
      << "Excel";
  EXPECT_THAT(read("p.tsv", "id\tprompt\r1\ta cat\r\t\"a \"\"big\"\", red\ndog\"\r\ta cow"), expected);
  EXPECT_THAT(read("p.csv", "prompt\n6\" pipe\n"), ElementsAre("6\" pipe"));
  EXPECT_THAT(read("p.csv", "prompt\n" + kDecomposed), ElementsAre(kComposed));
}

TEST_F(Prompts, AColumnIsTheOneAskedForElsePromptCaptionOrText) {
  EXPECT_THAT(read("p.csv", "text,caption\na,b\n"), ElementsAre("b"));
  EXPECT_THAT(read("p.csv", "text,caption\na,b\n", "text"), ElementsAre("a"));
  EXPECT_THAT(read("p.jsonl", R"({"text": "a", "caption": "b", "prompt": "c"})"), ElementsAre("c"));
  EXPECT_THAT(read("p.jsonl", R"({"TEXT": "a", "prompt": "c"})", "TEXT"), ElementsAre("a"));
  EXPECT_THAT(read("p.json", R"(["x", {"text": "a"}])"), ElementsAre("x", "a"));

  EXPECT_THAT(error_of("p.csv", "id,text\n1,a\n", "TEXT"),
              HasSubstr("p.csv: its first line names the columns \"id\", \"text\", and none is \"TEXT\""));
  EXPECT_THAT(error_of("p.txt", "a cat\n", "text"), HasSubstr("the column 'text' was asked for, and"));
  EXPECT_THAT(message_of<ConfigError>([] { read_prompts("scenes", "text"); }), HasSubstr("and scenes has none"));
}

TEST_F(Prompts, MetadataIsAnObjectWithThePromptWhateverItsColumn) {
  const auto metadata = [&](const std::string& name, const std::string& bytes) {
    read(name, bytes);
    return read_prompt_list(folder_ / name).prompts.at(0).metadata;
  };
  EXPECT_EQ(metadata("p.csv", "tag,prompt\ncolors,a red cow\n"), R"({"tag":"colors","prompt":"a red cow"})");
  EXPECT_EQ(metadata("p.csv", "caption\na red cow\n"), R"({"caption":"a red cow","prompt":"a red cow"})");
  EXPECT_EQ(metadata("p.jsonl", R"({"caption":"a red cow "})"), R"({"caption":"a red cow ","prompt":"a red cow"})");
}

TEST_F(Prompts, ErrorsOfATableNameTheLine) {
  EXPECT_THAT(error_of("p.csv", "id,prompt\n1,\"a\nb\"\n2,a,b\n"),
              HasSubstr("p.csv:4: it has 3 fields, and the first line names 2 columns"));
  EXPECT_THAT(error_of("p.csv", "id,prompt\r\n1,\"a\" b\r\n"), HasSubstr("p.csv:2: text follows a closing quote"));
  EXPECT_THAT(error_of("p.csv", "id,prompt\n1,a\n2,\"b\n3,c\n"),
              HasSubstr("p.csv: line 3: the quote that opens a field there is never closed"));
  EXPECT_THAT(error_of("p.csv", "prompt\n"), HasSubstr("holds no caption"));
  EXPECT_THAT(error_of("p.csv", ""), HasSubstr("holds no caption"));
  EXPECT_THAT(error_of("p.csv", "prompt\ncaf\xE9\n"), HasSubstr("p.csv:2: byte E9 is not UTF-8"));
}

TEST_F(Prompts, SoManyBadLinesAreLeftOutAndOneMoreIsAnError) {
  std::ofstream(folder_ / "p.jsonl") << "{\"prompt\": \"a\"}\n{\"prompt\": 7}\nrubbish\n{\"prompt\": \"b\"}\n";
  const auto list = read_prompt_list(folder_ / "p.jsonl", {.max_bad = 2});
  EXPECT_THAT(captions_of(list.prompts), ElementsAre("a", "b"));
  EXPECT_EQ(list.num_bad, 2);
  EXPECT_THAT(message_of<ConfigError>([&] { read_prompt_list(folder_ / "p.jsonl", {.max_bad = 1}); }),
              testing::AllOf(HasSubstr("more than 1 lines cannot be used, here"), HasSubstr("p.jsonl:3 is no JSON")));
}

TEST_F(Prompts, AVeryLongLineIsOnePrompt) {
  const std::string line(3'000'000, 'x');
  EXPECT_THAT(read("p.txt", line + "\na cat\n"), ElementsAre(line, "a cat"));
}

}  // namespace
}  // namespace fgm
