#pragma once

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/error.h"
#include "data/text/clip_tokenizer.h"
#include "data/text/t5_tokenizer.h"
#include "tests/support/temporary_folder.h"

namespace fgm {

// Small sound tokenizers, by folders.
inline const std::filesystem::path kSoundTokenizers = FGM_SOURCE_DIR "/tests/fuzz/tokenizers";
// Their files that are damaged.
inline constexpr std::array<const char*, 7> kTokenizerFiles = {
    "clip/merges.txt", "clip/vocab.json",          "clip/tokenizer_config.json", "clip_json/tokenizer.json",
    "t5/spiece.model", "t5/tokenizer_config.json", "t5_json/tokenizer.json"};

class TokenizerFuzz {
 public:
  TokenizerFuzz() {
    std::filesystem::copy(kSoundTokenizers, copy_.path(), std::filesystem::copy_options::recursive);
    for (const auto* folder : {"clip", "clip_json", "t5", "t5_json"}) sound_.push_back(open(copy_ / folder));
  }

  // Opens the folder of `file` with `bytes` in its place, and encodes with it. False when that was refused by an error
  // in our words; whatever else happens ends the process.
  bool open_damaged(const std::string& file, std::string_view bytes) {
    write(file, bytes);
    bool opens = true;
    try {
      const auto tokenizer = open((copy_ / file).parent_path());
      encode(*tokenizer, "A cat's photo,  \uFB01lm e\u0301 \u0130\u03A3 12!\n<|endoftext|><|StartOfText|></s><pad>");
    } catch (const Error&) {
      opens = false;
    }
    std::filesystem::copy_file(kSoundTokenizers / file, copy_ / file,
                               std::filesystem::copy_options::overwrite_existing);
    return opens;
  }

  // Encodes `text` with all. False when it was refused.
  bool encode_text(std::string_view text) {
    try {
      for (const auto& tokenizer : sound_) encode(*tokenizer, text);
      return true;
    } catch (const ConfigError&) {
      return false;
    }
  }

 private:
  static std::unique_ptr<Tokenizer> open(const std::filesystem::path& folder) {
    if (folder.filename().string().starts_with("t5")) return open_t5_tokenizer(folder);
    return open_clip_tokenizer(folder, ClipKind::kL);
  }

  static void encode(const Tokenizer& tokenizer, std::string_view text) {
    constexpr int64_t kLength = 20;
    const auto [ids, num_cut] = tokenizer.encode(text, kLength);
    if (std::ssize(ids) != kLength || num_cut < 0) std::abort();
  }

  void write(const std::string& file, std::string_view bytes) {
    std::ofstream(copy_ / file, std::ios::binary | std::ios::trunc) << bytes;
  }

  TemporaryFolder copy_;
  std::vector<std::unique_ptr<Tokenizer>> sound_;
};

}  // namespace fgm
