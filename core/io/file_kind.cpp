#include "core/io/file_kind.h"

#include <algorithm>
#include <array>
#include <vector>

#include "core/io/file.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using std::string_view_literals::operator""sv;

constexpr std::string_view kHdf5Signature = "\x89HDF\r\n\x1a\n";
constexpr std::string_view kZipSignature = "PK\x03\x04";
constexpr size_t kNumFirstBytes = 4096;

struct Signature {
  std::string_view bytes;
  const char* kind;
};

constexpr const char* kLfsPointer =
    "is a Git LFS pointer, not the file that it stands for: run `git lfs pull` in its repository";
constexpr const char* kGguf =
    "is a GGUF file (quantised weights of llama.cpp or ComfyUI-GGUF): give the safetensors file that it was made of";
constexpr const char* kPickle =
    "is a Python pickle (.bin, .ckpt, .pt), which may run any code and is not read: convert it to safetensors";
constexpr const char* kTorchZip =
    "is a PyTorch checkpoint (.bin, .ckpt, .pt: a zip file with a pickle), not a safetensors file: convert it to one";
constexpr const char* kNumpy = "is a NumPy array file: convert it to safetensors";
constexpr const char* kNumpyZip = "is a NumPy archive (.npz): convert it to safetensors";
constexpr const char* kArchive = "is a packed archive: unpack it first";
constexpr const char* kHdf5 =
    "is an HDF5 file (a store of fgm, or weights of Keras), not weights in a safetensors file";
constexpr const char* kImage = "is an image, not weights";

constexpr std::array kSignatures = {
    Signature{"version https://git-lfs", kLfsPointer},
    Signature{"GGUF", kGguf},
    Signature{"\x80\x02"sv, kPickle},
    Signature{"\x80\x03"sv, kPickle},
    Signature{"\x80\x04"sv, kPickle},
    Signature{"\x80\x05"sv, kPickle},
    Signature{"\x93NUMPY", kNumpy},
    Signature{kHdf5Signature, kHdf5},
    Signature{"\x1f\x8b"sv, kArchive},
    Signature{"\x28\xb5\x2f\xfd"sv, kArchive},
    Signature{"\xfd"
              "7zXZ",
              kArchive},
    Signature{"7z\xbc\xaf"sv, kArchive},
    Signature{"BZh", kArchive},
    Signature{"Rar!", kArchive},
    Signature{"\x89PNG", kImage},
    Signature{"\xff\xd8\xff"sv, kImage},
};

// Of a zip file its own name or that of its first entry tells who wrote it.
const char* kind_of_zip(std::string_view bytes, std::string_view ending) {
  constexpr size_t kNameLengthAt = 26, kNameAt = 30;
  constexpr std::array<std::string_view, 4> kTorchEndings = {".bin", ".ckpt", ".pt", ".pth"};
  if (ending == ".npz") return kNumpyZip;
  if (std::ranges::find(kTorchEndings, ending) != kTorchEndings.end()) return kTorchZip;
  if (bytes.size() < kNameAt) return kArchive;
  const auto byte = [&](size_t at) { return static_cast<size_t>(static_cast<unsigned char>(bytes[at])); };
  const auto name = bytes.substr(kNameAt, byte(kNameLengthAt) + 256 * byte(kNameLengthAt + 1));
  if (name.ends_with(".npy")) return kNumpyZip;
  constexpr std::array kTorchEntries = {"data.pkl", ".format_version", ".storage_alignment", "byteorder", "version"};
  const bool is_torch =
      std::ranges::any_of(kTorchEntries, [&](std::string_view entry) { return name.ends_with(entry); });
  return is_torch ? kTorchZip : kArchive;
}

// Its first bytes are ASCII, as those of every answer of a server.
bool is_text(std::string_view bytes) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  constexpr size_t kNumLooked = 32;
  if (bytes.starts_with(kByteOrderMark)) bytes.remove_prefix(kByteOrderMark.size());
  return std::ranges::all_of(bytes.substr(0, kNumLooked),
                             [](char c) { return (c >= ' ' && c <= '~') || c == '\n' || c == '\r' || c == '\t'; });
}

std::string first_words(std::string_view text) {
  constexpr size_t kNumShown = 60;
  std::string words;
  for (const char c : text.substr(0, kNumShown)) words += static_cast<unsigned char>(c) < 0x20 || c & '\x80' ? ' ' : c;
  return words + (text.size() > kNumShown ? "..." : "");
}

std::string kind_of_text(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n\xef\xbb\xbf");
  const bool is_markup = begin != std::string_view::npos && text[begin] == '<';
  return fmt::format(
      "is {}, not weights ('{}'): a server's answer that was saved in their place? Log in where the model asks for it, "
      "and download it again",
      is_markup ? "a web page" : "text", first_words(text));
}

}  // namespace

std::optional<std::string> what_it_is_instead(const fs::path& path) {
  const auto bytes = read_part(path, 0, kNumFirstBytes);
  for (const auto& [signature, kind] : kSignatures) {
    if (bytes.starts_with(signature)) return kind;
  }
  if (bytes.starts_with(kZipSignature)) return kind_of_zip(bytes, path.extension().string());
  if (bytes.empty()) return "is empty" + unfinished_download(path);
  if (std::ranges::all_of(bytes, [](char c) { return c == '\0'; })) {
    return fmt::format("begins with {} zeros: its bytes have not arrived{}; download it again", bytes.size(),
                       unfinished_download(path));
  }
  return is_text(bytes) ? std::optional(kind_of_text(bytes)) : std::nullopt;
}

bool is_torch_file(const fs::path& path) {
  const auto bytes = read_part(path, 0, kNumFirstBytes);
  return bytes.starts_with(kZipSignature) && kind_of_zip(bytes, path.extension().string()) == kTorchZip;
}

std::string unfinished_download(const fs::path& path) {
  std::error_code ignored;
  auto control_file = path;
  control_file += ".aria2";
  if (fs::exists(control_file, ignored)) {
    return fmt::format(" (aria2 has not finished it: {} is still there)", control_file.string());
  }
  static const std::vector<std::string> kEndings = {".incomplete", ".part", ".partial", ".crdownload", ".download"};
  const bool is_partial = std::ranges::find(kEndings, path.extension().string()) != kEndings.end();
  return is_partial ? fmt::format(" ({} is the name of a download that is not finished)", path.extension().string())
                    : "";
}

bool is_hdf5(const fs::path& path) {
  constexpr uint64_t kSmallestUserBlock = 512;
  std::error_code ignored;
  const auto size = fs::file_size(path, ignored);
  if (ignored) return false;
  for (uint64_t at = 0; at + kHdf5Signature.size() <= size; at = at == 0 ? kSmallestUserBlock : 2 * at) {
    if (read_part(path, at, kHdf5Signature.size()) == kHdf5Signature) return true;
  }
  return false;
}

}  // namespace fgm
