// Readers of what users bring. A few thousand made-up files each in every build; for a million:
//   build/release/tests/fuzz_import_fuzz_test --gtest_repeat=50
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/io/file.h"
#include "core/io/npz.h"
#include "data/import/idx.h"
#include "data/import/internal/archive.h"
#include "data/import/internal/csv.h"
#include "data/import/prompt_list.h"
#include "tests/data/import/write_archive.h"
#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/mutator.h"
#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

using Bytes = Mutator::Bytes;

constexpr int kRuns = 20'000;

// Reads damaged files, into which a byte of `alphabet` is put half of the time; `read` throws IoError or ConfigError
// for what it refuses, and whatever else happens ends the process. The mutator of a test outlives it: each repetition
// has files of its own.
template <typename Read>
void fuzz(Mutator& mutator, std::string_view alphabet, const Read& read) {
  int num_read = 0;
  for (int run = 0; run < kRuns; ++run) {
    Bytes bytes = mutator.pick();
    mutator.damage(bytes);
    if (!bytes.empty() && mutator.below(2) == 0) {
      bytes[mutator.below(bytes.size())] = static_cast<uint8_t>(alphabet[mutator.below(alphabet.size())]);
    }
    try {
      read(bytes);
      ++num_read;
    } catch (const IoError&) {
    } catch (const ConfigError&) {
    }
  }
  EXPECT_GT(num_read, kRuns / 1000) << "damage that never leaves a sound file reaches little of the reader";
  EXPECT_LT(num_read, kRuns) << "no change did any damage";
}

Bytes bytes_from(std::string_view text) {
  return {text.begin(), text.end()};
}

Bytes bytes_of_file(const std::filesystem::path& path) {
  return bytes_from(read_file(path));
}

TEST(ImportFuzz, CsvIsReadToItsEndOrNamesAQuoteThatIsNeverClosed) {
  static Mutator mutator({bytes_from("id,prompt\r\n1,a cat\r\n2,\"a \"\"big\"\",\r\ndog\"\r\n"),
                          bytes_from("\uFEFFprompt\n\n\"\"\n\"\"\"\"\n6\" pipe\n"), bytes_from("a\r,\r\"b\"c\r")});
  fuzz(mutator, "\",\r\n\xEF", [](const Bytes& bytes) {
    const std::string text(bytes.begin(), bytes.end());
    CsvReader reader(text, ',');
    int64_t last = 0;
    size_t size = 0;
    while (const auto record = reader.next()) {
      ASSERT_GT(record->line, last);
      last = record->line;
      for (const auto& field : record->fields) size += field.size();
    }
    ASSERT_LE(size, bytes.size());
  });
}

struct ListKind {
  std::string ending;
  Bytes sound;

  friend void PrintTo(const ListKind& kind, std::ostream* out) { *out << kind.ending; }
};

class ListFuzz : public testing::TestWithParam<ListKind> {
 protected:
  ListFuzz() { spdlog::set_level(spdlog::level::off); }  // each bad line is named, and each control character
  ~ListFuzz() override { spdlog::set_level(level_); }

 private:
  const spdlog::level::level_enum level_ = spdlog::get_level();
};

TEST_P(ListFuzz, PromptsAreReadOrTheLineIsNamed) {
  const TemporaryFolder folder;
  const MemoryFile file;
  const auto path = folder / ("a" + GetParam().ending);  // which says what the file is
  std::filesystem::create_symlink(file.path(), path);
  static std::map<std::string, Mutator> mutators;
  auto& mutator = mutators.try_emplace(GetParam().ending, std::vector<Bytes>{GetParam().sound}).first->second;
  fuzz(mutator, "\"{}[]:,\\u\t\n\xC3", [&](const Bytes& bytes) {
    file.hold(bytes);
    for (const auto& prompt : read_prompt_list(path, {.max_bad = 2}).prompts) {
      ASSERT_TRUE(is_utf8(prompt.caption));
      ASSERT_TRUE(nlohmann::json::parse(prompt.metadata).contains("prompt"));
    }
  });
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, ListFuzz,
    testing::Values(ListKind{".txt", bytes_from("a cat\r\n\na caf\u00E9\n a hat ")},
                    ListKind{".tsv", bytes_from("id\tprompt\n1\ta cat\n2\t\"a \"\"big\"\"\tdog\"\n")},
                    ListKind{".jsonl",
                             bytes_from("{\"prompt\": \"a cat\"}\n{\"n\": [1, {}], \"prompt\": \"\\u00e9\"}\n")},
                    ListKind{".json", bytes_from("[\"a cat\", {\"caption\": \"a hat\", \"n\": 2.5}]")}),
    [](const auto& test) { return test.param.ending.substr(1); });

class ArchiveFuzz : public testing::TestWithParam<std::string> {};

TEST_P(ArchiveFuzz, MembersAreReadOrTheArchiveIsNamed) {
  constexpr size_t kMost = 4096;
  const TemporaryFolder folder;
  const auto path = folder / ("a" + GetParam());
  write_archive(
      path,
      {{"1.jpg", std::string(700, 'x')}, {"1.txt", "a cat"}, {"in/3.json", "{}"}, {"2.png", std::string(5000, 'y')}});
  const MemoryFile file;
  static std::map<std::string, Mutator> mutators;
  auto& mutator = mutators.try_emplace(GetParam(), std::vector<Bytes>{bytes_of_file(path)}).first->second;
  fuzz(mutator, std::string_view("01234567\0/ ", 11), [&](const Bytes& bytes) {
    file.hold(bytes);
    ArchiveReader reader(file.path());
    while (const auto member = reader.next()) {
      try {
        ASSERT_LE(reader.read(kMost).size(), kMost);
      } catch (const IoError&) {
      }
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Kinds, ArchiveFuzz, testing::Values(".tar", ".zip", ".tar.gz"));

TEST(ImportFuzz, NpzIsReadOrRefused) {
  std::vector<Bytes> corpus;
  for (const auto* name : {"dtypes.npz", "refused_fortran.npz", "deflated.npz"}) {
    corpus.push_back(bytes_of_file(std::filesystem::path(FGM_SOURCE_DIR) / "tests/golden/eval" / name));
  }
  static Mutator mutator(corpus);
  const MemoryFile file;
  fuzz(mutator, "0123456789'<>(),:{}", [&](const Bytes& bytes) {
    file.hold(bytes);
    size_t size = 0;
    for (const auto& [name, array] : read_npz(file.path())) size += array.nbytes();
    ASSERT_LE(size, 1032 * bytes.size());
  });
}

TEST(ImportFuzz, IdxIsReadOrRefused) {
  const TemporaryFolder folder;
  const MemoryFile images, labels;
  const std::string image_bytes = std::string("\0\0\x08\x03\0\0\0\x03\0\0\0\x02\0\0\0\x04", 16) + std::string(24, 'x');
  const auto label_bytes = bytes_from({"\0\0\x08\x01\0\0\0\x03\x01\0\x01", 11});
  const IdxOptions options{
      .images = images.path(), .labels = labels.path(), .captions = {"a bag", "a coat"}, .out = folder / "s.h5"};
  images.hold(bytes_from(image_bytes));
  static Mutator of_labels({label_bytes}), of_images({bytes_from(image_bytes)});
  fuzz(of_labels, "\1\2\3", [&](const Bytes& bytes) {
    labels.hold(bytes);
    check_idx(options);
  });
  labels.hold(label_bytes);
  fuzz(of_images, "\1\2\3", [&](const Bytes& bytes) {
    images.hold(bytes);
    check_idx(options);
  });
}

}  // namespace
}  // namespace fgm
