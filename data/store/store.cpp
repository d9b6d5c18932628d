#include "data/store/store.h"

#include <fmt/ranges.h>

#include <optional>

#include "core/base/caption_noise.h"
#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "data/hdf5/h5_file.h"
#include "data/store/internal/layout.h"
#include "data/store/positioned_file.h"

namespace fgm {
namespace {

void check_format(const H5File& file, const std::string& name) {
  require<IoError>(file.has_attribute(layout::kFormat),
                   "'{}': is HDF5 but no fgm store (no attribute {}); make one with fgm data", name, layout::kFormat);
  const int64_t format = file.int_attribute(layout::kFormat);
  require<IoError>(format >= 1 && format <= kStoreFormat,
                   "'{}': has format {}, this fgm reads 1 to {}; use a newer fgm or make the store again", name, format,
                   kStoreFormat);
}

std::string read_kind(const H5File& file, const std::string& name) {
  auto kind = file.string_attribute(layout::kKind);
  require<IoError>(layout::is_kind(kind), "'{}': has kind '{}', expected one of {}", name, kind,
                   fmt::join(layout::kKinds, ", "));
  return kind;
}

nlohmann::json read_provenance(const H5File& file, const std::string& name) {
  auto provenance = nlohmann::json::parse(file.string_attribute(layout::kProvenance), nullptr, false);
  require<IoError>(provenance.is_object(), "'{}': attribute {} is no JSON object", name, layout::kProvenance);
  return provenance;
}

std::vector<std::string> read_prompts(const H5File& file, const std::string& name) {
  const auto blob = file.read_bytes(layout::kPromptBlob);
  const auto offsets = file.read_uint64(layout::kPromptOffset);
  const auto lengths = file.read_uint64(layout::kPromptLength);
  const auto hashes = file.read_uint64(layout::kPromptHash);
  require<IoError>(!offsets.empty() && lengths.size() == offsets.size() && hashes.size() == offsets.size(),
                   "'{}': expected prompt tables of one size above 0, found {} offsets, {} lengths, {} hashes", name,
                   offsets.size(), lengths.size(), hashes.size());
  std::vector<std::string> prompts;
  prompts.reserve(offsets.size());
  for (size_t i = 0; i < offsets.size(); ++i) {
    require<IoError>(offsets[i] <= blob.size() && lengths[i] <= blob.size() - offsets[i],
                     "'{}': prompt {} lies outside the {} bytes of {}; make the store again", name, i, blob.size(),
                     layout::kPromptBlob);
    const auto& prompt = prompts.emplace_back(blob, offsets[i], lengths[i]);
    require<IoError>(xxh64(prompt) == hashes[i], "'{}': prompt {} fails its check-sum; copy or make the store again",
                     name, i);
    require<IoError>(is_utf8(prompt), "'{}': prompt {} is not UTF-8; make the store again from UTF-8 captions", name,
                     i);
  }
  return prompts;
}

H5Extent read_extent(const H5File& file, const layout::Rows& rows, const std::string& name, size_t num_prompts) {
  auto extent = file.extent(rows.name, rows.element);
  const auto& shape = extent.shape;
  require<IoError>(shape.size() == 4 && shape[0] == static_cast<int64_t>(num_prompts) && extent.bytes > 0,
                   "'{}': expected {} of shape [{}, {}], one for each prompt, found [{}]", name, rows.name, num_prompts,
                   rows.element == H5Element::kUint8 ? "H, W, C" : "C, H, W", fmt::join(shape, ", "));
  return extent;
}

}  // namespace

struct Store::Impl {
  explicit Impl(const std::filesystem::path& file_path) : path(file_path), data(file_path) {
    const auto name = path.string();
    const auto file = H5File::open_read_only(path);
    check_format(file, name);
    kind = read_kind(file, name);
    provenance = read_provenance(file, name);
    prompts = read_prompts(file, name);
    const auto layout = layout::rows_of(kind);
    if (!layout) return;
    rows = read_extent(file, *layout, name, prompts.size());
    rows_digest = file.string_attribute(layout->digest);
    if (kind != layout::kPairs) return;
    noise.emplace(static_cast<uint64_t>(file.int_attribute(layout::kNoiseSeed)), CaptionNoise::kPairs);
    number_in_prompt = count_occurrences(prompts);
  }

  // The rows of `indices`, in elements of `dtype`.
  at::Tensor read_rows(std::span<const int64_t> indices, at::ScalarType dtype) const {
    auto shape = rows.shape;
    shape[0] = static_cast<int64_t>(indices.size());
    const auto out = at::empty(shape, dtype);
    auto* row = static_cast<std::byte*>(out.data_ptr());
    const size_t bytes = rows.bytes / prompts.size();
    const auto size = static_cast<int64_t>(prompts.size());
    for (const int64_t index : indices) {
      check(index >= 0 && index < size, "record {} of '{}', which has {}", index, path.string(), size);
      data.read(rows.offset + static_cast<uint64_t>(index) * bytes, {row, bytes});
      row += bytes;
    }
    return out;
  }

  std::filesystem::path path;
  PositionedFile data;
  std::string kind;
  nlohmann::json provenance;
  std::vector<std::string> prompts;
  H5Extent rows;
  std::string rows_digest;
  std::optional<CaptionNoise> noise;      // of pairs
  std::vector<int64_t> number_in_prompt;  // of pairs
};

Store::Store(const std::filesystem::path& path) : impl_(std::make_unique<Impl>(path)) {}
Store::~Store() = default;
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;

const std::filesystem::path& Store::path() const {
  return impl_->path;
}
const std::string& Store::kind() const {
  return impl_->kind;
}
const nlohmann::json& Store::provenance() const {
  return impl_->provenance;
}
int64_t Store::size() const {
  return static_cast<int64_t>(impl_->prompts.size());
}
const std::vector<std::string>& Store::prompts() const {
  return impl_->prompts;
}
bool Store::has_images() const {
  return !impl_->rows.shape.empty() && !has_pairs();
}
bool Store::has_pairs() const {
  return impl_->kind == layout::kPairs;
}

std::vector<int64_t> Store::image_shape() const {
  if (!has_images()) return {};
  return {impl_->rows.shape.begin() + 1, impl_->rows.shape.end()};
}
std::vector<int64_t> Store::sample_shape() const {
  if (!has_pairs()) return {};
  return {impl_->rows.shape.begin() + 1, impl_->rows.shape.end()};
}

std::string Store::digest() const {
  Digest digest = digest_texts(impl_->prompts);
  digest.update(std::as_bytes(std::span(impl_->rows_digest)));
  return digest.hex();
}

void Store::log_text_remarks() const {
  UnseenCharacters unseen;
  int64_t num_other_forms = 0, first = 0;
  for (int64_t i = 0; i < size(); ++i) {
    const auto& prompt = prompts()[static_cast<size_t>(i)];
    unseen.count(prompt, [&] { return fmt::format("prompt {}", i); });
    if (!is_nfc(prompt) && num_other_forms++ == 0) first = i;
  }
  unseen.log(path().string());
  if (num_other_forms == 0) return;
  spdlog::info(
      "{}: {} prompts are not in Unicode's normal form C, the first is prompt {}; prompts from other files are, and "
      "will "
      "not be the same words; make the store again",
      path().string(), num_other_forms, first);
}

at::Tensor Store::images(std::span<const int64_t> indices) const {
  check(has_images(), "'{}' has no images", impl_->path.string());
  return impl_->read_rows(indices, at::kByte);
}

Store::Pairs Store::pairs(std::span<const int64_t> indices) const {
  check(has_pairs(), "'{}' has no pairs", impl_->path.string());
  Pairs pairs{.noise = {}, .samples = impl_->read_rows(indices, at::kHalf).to(at::kFloat)};
  std::vector<at::Tensor> noise;
  for (const int64_t index : indices) {
    const auto i = static_cast<size_t>(index);
    noise.push_back(impl_->noise->draw(prompts()[i], impl_->number_in_prompt[i], sample_shape()));
  }
  pairs.noise = at::cat(noise);
  return pairs;
}

void Store::verify_images() const {
  constexpr uint64_t kChunkBytes = uint64_t{4} << 20;
  if (impl_->rows.bytes == 0) return;
  Digest digest;
  std::vector<std::byte> chunk(kChunkBytes);
  for (uint64_t begin = 0; begin < impl_->rows.bytes; begin += kChunkBytes) {
    const auto part = std::span(chunk).first(std::min(kChunkBytes, impl_->rows.bytes - begin));
    impl_->data.read(impl_->rows.offset + begin, part);
    digest.update(part);
  }
  require<IoError>(digest.hex() == impl_->rows_digest,
                   "'{}': the {}' digest is {}, expected {}; they are damaged, copy or make the store again",
                   impl_->path.string(), layout::rows_of(kind())->name, digest.hex(), impl_->rows_digest);
}

}  // namespace fgm
