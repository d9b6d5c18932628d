#include "data/store/store.h"

#include <optional>

#include "core/base/caption_noise.h"
#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "data/hdf5/h5_file.h"
#include "data/store/internal/header.h"
#include "data/store/internal/layout.h"
#include "data/store/internal/prompt_table.h"
#include "data/store/internal/rows.h"
#include "data/store/positioned_file.h"

namespace fgm {
namespace {

std::vector<std::string> read_prompts(const H5File& file, const std::string& name) {
  const PromptTable table(file, name);
  std::vector<std::string> prompts;
  prompts.reserve(static_cast<size_t>(table.size()));
  for (int64_t i = 0; i < table.size(); ++i) {
    if (const auto problem = table.problem(i)) throw IoError(fmt::format("'{}': {}", name, *problem));
    prompts.emplace_back(table.text(i));
  }
  return prompts;
}

}  // namespace

struct Store::Impl {
  explicit Impl(const std::filesystem::path& file_path) : path(file_path), data(file_path) {
    const auto name = path.string();
    const auto file = H5File::open_read_only(path);
    auto header = read_header(file, name);
    kind = std::move(header.kind);
    provenance = std::move(header.provenance);
    prompts = read_prompts(file, name);
    const auto layout = layout::rows_of(kind);
    if (!layout) return;
    rows = read_extent(file, *layout, name, std::ssize(prompts));
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

std::string kind_of_store(const std::filesystem::path& path) {
  return read_header(H5File::open_read_only(path), path.string()).kind;
}

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
  const auto rows = layout::rows_of(kind());
  if (!rows) return;
  const auto problem = problem_of_rows(impl_->data, *rows, impl_->rows, impl_->rows_digest);
  if (problem) throw IoError(fmt::format("'{}': {}", path().string(), *problem));
}

}  // namespace fgm
