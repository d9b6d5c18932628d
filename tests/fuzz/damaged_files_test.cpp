// Small sound files of every kind that fgm reads, each damaged in a dozen ways: it is refused with one line that names
// it, or read. What a kind has check-sums of is read right.
#include <gtest/gtest.h>
#include <zlib.h>

#include <cctype>
#include <functional>

#include "core/base/error.h"
#include "core/io/file.h"
#include "core/io/npz.h"
#include "core/io/safetensors.h"
#include "core/io/torch_file.h"
#include "data/import/idx.h"
#include "data/import/pack_images.h"
#include "data/import/prompt_list.h"
#include "data/text/clip_tokenizer.h"
#include "data/text/t5_tokenizer.h"
#include "tests/data/import/encode_images.h"
#include "tests/data/import/write_archive.h"
#include "tests/fuzz/small_stores.h"
#include "tests/support/read_tensor.h"
#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

// What is noticed of damage at the least: nothing, another beginning, also a missing end, every bit.
enum class Sees { kNothing, kHeader, kEnd, kAll };

struct Kind {
  std::string file;  // its name
  Sees sees;
  std::function<void(const fs::path&)> write;
  std::function<std::string(const fs::path&)> read;  // all that it holds

  friend void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.file; }
};

const fs::path kTests = FGM_SOURCE_DIR "/tests";

Kind copy_of(const fs::path& file, Sees sees, std::function<std::string(const fs::path&)> read) {
  return {file.filename().string(), sees, [=](const fs::path& path) { fs::copy_file(file, path); }, std::move(read)};
}

std::string read_tensors(const TensorSource& source) {
  std::string out;
  for (const auto& info : source.tensors()) {
    out += info.name;
    append_bytes(out, read_tensor(source, info.name));
  }
  return out;
}

std::string read_arrays(const fs::path& path) {
  std::string out;
  for (const auto& [name, array] : read_npz(path)) append_bytes(out, array);
  return out;
}

std::string read_ids(const Tokenizer& tokenizer) {
  std::string out;
  for (const auto id : tokenizer.encode("A cat's photo, 12!", 20).ids) out += std::to_string(id) + ' ';
  return out;
}

std::string read_clip(const fs::path& path) {
  return read_ids(*open_clip_tokenizer(path, ClipKind::kL));
}

std::string read_t5(const fs::path& path) {
  return read_ids(*open_t5_tokenizer(path));
}

std::string read_list(const fs::path& path) {
  std::string out;
  for (const auto& prompt : read_prompts(path)) out += prompt + '\n';
  return out;
}

at::Tensor image(int64_t seed) {
  return at::arange(16 * 20 * 3).add(seed * 50).remainder(256).to(at::kByte).view({16, 20, 3});
}

// As a user has it packed. What was skipped was refused.
std::string pack(const fs::path& images, CaptionSource captions) {
  const TemporaryFolder out;
  const auto report = pack_images({.images = images, .captions = captions, .resolution = 16, .out = out / "s.h5"});
  require<IoError>(report.skipped.empty(), "{}", report.skipped.empty() ? "" : report.skipped[0]);
  return read_whole_store(out / "s.h5");
}

Kind image_of(const std::string& file, Sees sees, const std::string& bytes) {
  const auto write = [=](const fs::path& path) { write_file(path, bytes); };
  const auto read = [](const fs::path& path) {
    const TemporaryFolder folder;
    fs::create_directory(folder / "hat");
    fs::copy_file(path, folder / ("hat/" + path.filename().string()));
    return pack(folder.path(), CaptionSource::kFolder);
  };
  return {file, sees, write, read};
}

Kind archive_of(const std::string& file, Sees sees) {
  const auto write = [](const fs::path& path) {
    write_archive(
        path,
        {{"1.png", encode_png(image(1))}, {"1.txt", "a cat"}, {"2.png", encode_png(image(2))}, {"2.txt", "a dog"}});
  };
  return {file, sees, write, [](const fs::path& path) { return pack(path, CaptionSource::kFile); }};
}

Kind list_of(const std::string& file, Sees sees, const std::string& text) {
  return {file, sees, [=](const fs::path& path) { write_file(path, text); }, read_list};
}

// Two images of 2 x 4, labels 1 and 0.
Kind idx_of(const std::string& file, Sees sees) {
  const auto write = [](const fs::path& path) {
    const std::string bytes = std::string("\0\0\x08\x03\0\0\0\x02\0\0\0\x02\0\0\0\x04", 16) + "abcdefghijklmnop";
    const auto out = gzopen(path.c_str(), path.extension() == ".gz" ? "wb" : "wbT");
    ASSERT_EQ(gzwrite(out, bytes.data(), static_cast<unsigned>(bytes.size())), std::ssize(bytes));
    gzclose(out);
  };
  const auto read = [](const fs::path& path) {
    const TemporaryFolder folder;
    write_file(folder / "labels", std::string("\0\0\x08\x01\0\0\0\x02\x01\0", 10));
    import_idx({.images = path, .labels = folder / "labels", .captions = {"a bag", "a coat"}, .out = folder / "s.h5"});
    return read_whole_store(folder / "s.h5");
  };
  return {file, sees, write, read};
}

void write_tensors(const fs::path& path) {
  write_safetensors(path, {{"a", at::arange(6, at::kFloat)}, {"b", at::arange(8, at::kLong)}});
}

std::vector<Kind> all_kinds() {
  std::vector<Kind> kinds = {
      {"a.safetensors", Sees::kEnd, write_tensors,
       [](const fs::path& path) { return read_tensors(SafetensorsFile(path)); }},
      copy_of(kTests / "golden/torch_save.pt", Sees::kAll,
              [](const fs::path& path) { return read_tensors(TorchFile(path)); }),
      copy_of(kTests / "golden/eval/stored.npz", Sees::kAll, read_arrays),
      copy_of(kTests / "golden/eval/deflated.npz", Sees::kAll, read_arrays),
      copy_of(kTests / "fuzz/tokenizers/clip_json/tokenizer.json", Sees::kEnd, read_clip),
      copy_of(kTests / "fuzz/tokenizers/t5_json/tokenizer.json", Sees::kEnd, read_t5),
      copy_of(kTests / "fuzz/tokenizers/t5/spiece.model", Sees::kHeader, read_t5),
      archive_of("a.tar", Sees::kEnd),
      archive_of("a.tar.gz", Sees::kEnd),  // libarchive compares no check-sum of gzip
      archive_of("a.zip", Sees::kAll),
      idx_of("idx", Sees::kEnd),
      idx_of("idx.gz", Sees::kAll),
      image_of("a.png", Sees::kAll, encode_png(image(1))),
      image_of("a.jpg", Sees::kEnd, encode_jpeg(image(1))),
      list_of("a.csv", Sees::kHeader, "prompt,n\na cat,1\n\"a dog, \"\"big\"\"\",2\na hat,3\n"),
      list_of("a.tsv", Sees::kHeader, "prompt\tn\na cat\t1\na hat\t3\n"),
      list_of("a.jsonl", Sees::kHeader, "{\"prompt\": \"a cat\"}\n{\"prompt\": \"a hat\", \"n\": 2}\n"),
      list_of("a.json", Sees::kEnd, "[\"a cat\", {\"prompt\": \"a hat\"}]"),
      list_of("a.txt", Sees::kNothing, "a cat\na hat\n")};
  for (const std::string kind : kStoreKinds) {
    const auto write = [=](const fs::path& path) { write_small_store(path, kind); };
    kinds.push_back({kind + ".h5", Sees::kAll, write, read_whole_store});
  }
  return kinds;
}

class DamagedFiles : public testing::TestWithParam<Kind> {};

INSTANTIATE_TEST_SUITE_P(Kinds, DamagedFiles, testing::ValuesIn(all_kinds()), [](const auto& test) {
  auto name = test.param.file + std::to_string(test.index);
  std::erase_if(name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; });
  return name;
});

// Where bits are flipped: all over the file, but in a store without a guard in the values alone
// (tests/fuzz/store_fuzz_test.cpp says why).
std::vector<size_t> places_to_damage(const fs::path& path, size_t bytes) {
  std::vector<size_t> places;
  if (read_file(path).starts_with("\x89HDF")) {
    for (const auto& extent : values_of(path)) places.push_back(extent.offset + extent.bytes / 2);
  } else {
    for (size_t i = 0; i < 6; ++i) places.push_back((2 * i + 1) * bytes / 12);
  }
  return places;
}

// What is done to a file, and who must notice it.
std::vector<std::pair<Sees, std::string>> damaged(const fs::path& path) {
  const auto bytes = read_file(path);
  const size_t size = bytes.size();
  std::vector<std::pair<Sees, std::string>> all = {{Sees::kHeader, ""},
                                                   {Sees::kHeader, std::string(8, '\0') + bytes.substr(8)},
                                                   {Sees::kHeader, "\xFFGIF89a" + bytes.substr(7)}};
  for (const size_t end : {size / 3, size / 2, size - size / 8 - 1}) all.emplace_back(Sees::kEnd, bytes.substr(0, end));
  for (const size_t place : places_to_damage(path, size)) {
    all.emplace_back(Sees::kAll, bytes);
    all.back().second[place] ^= static_cast<char>(1 << all.size() % 8);
  }
  return all;
}

TEST_P(DamagedFiles, AreNamedOrReadRight) {
  const auto& kind = GetParam();
  const TemporaryFolder folder;
  const auto path = folder / kind.file;
  kind.write(path);
  const auto whole = kind.read(path);
  ASSERT_FALSE(whole.empty());
  int number = 0;
  for (const auto& [who_notices, bytes] : damaged(path)) {
    SCOPED_TRACE(fmt::format("damage {}", number++));
    write_file(path, bytes);
    try {
      const auto read = kind.read(path);
      if (kind.sees >= who_notices) {
        EXPECT_EQ(read, whole);
      }
    } catch (const Error& error) {
      const std::string message = error.what();
      EXPECT_EQ(error.exit_code(), kExitConfig) << message;
      EXPECT_NE(message.find(kind.file), std::string::npos) << message;
      EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    }
  }
}

}  // namespace
}  // namespace fgm
