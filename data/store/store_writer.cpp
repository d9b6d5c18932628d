#include <fmt/ranges.h>
#include <unistd.h>

#include <unordered_map>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/text.h"
#include "core/io/atomic_file.h"
#include "data/hdf5/h5_file.h"
#include "data/store/internal/layout.h"
#include "data/store/store.h"

namespace fgm {
namespace {

void check_contents(const StoreContents& contents) {
  const auto& images = contents.images_NHWC;
  check(layout::is_kind(contents.kind), "store kind '{}' is not one of {}", contents.kind,
        fmt::join(layout::kKinds, ", "));
  check(contents.provenance.is_object(), "a store's provenance must be a JSON object");
  check(!contents.prompts.empty(), "a store needs at least one record");
  check(images.defined() == layout::kind_has_images(contents.kind), "a store of kind '{}' must{} have images",
        contents.kind, layout::kind_has_images(contents.kind) ? "" : " not");
  if (images.defined()) {
    check(images.dim() == 4 && images.scalar_type() == at::kByte && images.is_cpu() &&
              images.size(0) == static_cast<int64_t>(contents.prompts.size()),
          "images must be uint8 [{}, H, W, C] on the CPU", contents.prompts.size());
  }
  for (size_t i = 0; i < contents.prompts.size(); ++i) {
    require<ConfigError>(is_utf8(contents.prompts[i]), "caption {} is not UTF-8; convert the captions first", i);
  }
}

// Records with the same prompt share its bytes.
void write_prompts(H5File& file, const std::vector<std::string>& prompts) {
  std::string blob;
  std::vector<uint64_t> offsets, lengths, hashes;
  std::unordered_map<std::string_view, uint64_t> offset_of;
  for (const auto& prompt : prompts) {
    const auto [entry, is_new] = offset_of.try_emplace(prompt, blob.size());
    if (is_new) blob += prompt;
    offsets.push_back(entry->second);
    lengths.push_back(prompt.size());
    hashes.push_back(xxh64(prompt));
  }
  const auto blob_bytes = static_cast<int64_t>(blob.size());
  file.write_bytes(layout::kPromptBlob, std::as_bytes(std::span(blob)), {&blob_bytes, 1});
  file.write_uint64(layout::kPromptOffset, offsets);
  file.write_uint64(layout::kPromptLength, lengths);
  file.write_uint64(layout::kPromptHash, hashes);
}

void write_images(H5File& file, const at::Tensor& images_NHWC) {
  const auto contiguous = images_NHWC.contiguous();
  const auto bytes = std::as_bytes(std::span(contiguous.data_ptr<uint8_t>(), contiguous.nbytes()));
  Digest digest;
  digest.update(bytes);
  file.write_bytes(layout::kImages, bytes, contiguous.sizes());
  file.write_attribute(layout::kImagesDigest, digest.hex());
}

// Removes a temporary file that was not renamed.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::filesystem::path& final_path)
      : path_(final_path.string() + fmt::format(".tmp-{}", ::getpid())) {}
  ~TemporaryFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace

void write_store(const std::filesystem::path& path, const StoreContents& contents) {
  check_contents(contents);
  const auto folder = std::filesystem::absolute(path).parent_path();
  require<IoError>(std::filesystem::is_directory(folder), "'{}': the folder '{}' does not exist; make it first",
                   path.string(), folder.string());
  const TemporaryFile temporary(path);
  auto file = H5File::create(temporary.path());
  file.write_attribute(layout::kFormat, kStoreFormat);
  file.write_attribute(layout::kKind, contents.kind);
  file.write_attribute(layout::kProvenance,
                       contents.provenance.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  write_prompts(file, contents.prompts);
  if (contents.images_NHWC.defined()) write_images(file, contents.images_NHWC);
  file.close();
  sync_to_disk(temporary.path());
  std::error_code error;
  std::filesystem::rename(temporary.path(), path, error);
  if (error) throw_write_error(path, "rename", error);
  sync_to_disk(folder);
}

}  // namespace fgm
