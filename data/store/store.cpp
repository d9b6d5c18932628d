#include "data/store/store.h"

#include <functional>
#include <optional>
#include <unordered_map>

#include "core/base/caption_noise.h"
#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "data/hdf5/h5_file.h"
#include "data/store/internal/header.h"
#include "data/store/internal/latent_reader.h"
#include "data/store/internal/layout.h"
#include "data/store/internal/prompt_table.h"
#include "data/store/internal/rows.h"
#include "data/store/positioned_file.h"

namespace fgm {

// The number that each record's noise is drawn with: how many before it have the same prompt, by its hash.
class NumbersInPrompt {
 public:
  void count(std::string_view prompt) { of_record_.push_back(seen_[hash64(prompt)]++); }
  std::vector<uint32_t> take() { return std::move(of_record_); }

 private:
  std::unordered_map<uint64_t, uint32_t> seen_;
  std::vector<uint32_t> of_record_;
};

struct Store::Impl {
  Impl(const std::filesystem::path& file_path, const StoreSummary* known) : path(file_path), data(file_path) {
    const auto name = path.string();
    const auto file = H5File::open_read_only(path);
    auto header = read_header(file, name);
    kind = std::move(header.kind);
    provenance = std::move(header.provenance);
    prompts.emplace(file, name);
    if (kind == layout::kLatents) open_latents();
    const auto layout = layout::rows_of(kind);
    if (layout) {
      rows = read_extent(file, *layout, name, prompts->size());
      rows_digest = file.string_attribute(layout->digest);
    }
    if (kind == layout::kPairs) {
      noise.emplace(static_cast<uint64_t>(file.int_attribute(layout::kNoiseSeed)), CaptionNoise::kPairs);
    }
    if (known != nullptr) require_unchanged(*known);
    if (known != nullptr && !noise) {
      digest = known->digest;
    } else {
      verify_prompts();
    }
  }

  void require_unchanged(const StoreSummary& known) const {
    const auto bytes = std::filesystem::file_size(path);
    const auto name = path.string();
    require<IoError>(
        bytes == known.bytes && prompts->size() == known.records,
        "'{}' has changed since its index was made: {} bytes and {} records, now {} and {}; make the index again", name,
        known.bytes, known.records, bytes, prompts->size());
    require<IoError>(fingerprint() == known.fingerprint,
                     "'{}' has changed since its index was made: it holds other prompts or records, or says otherwise "
                     "how they were made; make the index again",
                     name);
  }

  std::string fingerprint() const {
    Digest all;
    add_text(all, kind);
    add_text(all, provenance.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    add_text(all, rows_digest);
    prompts->add_checksums(data, all);
    return all.hex();
  }

  void verify_prompts() {
    Digest texts;
    NumbersInPrompt numbers;
    each_prompt([&](std::string_view text) {
      add_text(texts, text);
      if (noise) numbers.count(text);
    });
    texts.update(std::as_bytes(std::span(rows_digest)));
    digest = texts.hex();
    number_in_prompt = numbers.take();
  }

  void each_prompt(const std::function<void(std::string_view)>& see) const {
    prompts->each(data, [&](int64_t, std::string_view text, const std::optional<std::string>& problem) {
      if (problem) throw IoError(fmt::format("'{}': {}", path.string(), *problem));
      see(text);
    });
  }

  size_t row_bytes() const { return rows.bytes / static_cast<size_t>(prompts->size()); }

  ByteRange place_of_row(int64_t index) const {
    const int64_t size = prompts->size();
    check(index >= 0 && index < size, "record {} of '{}', which has {}", index, path.string(), size);
    return {rows.offset + static_cast<uint64_t>(index) * row_bytes(), row_bytes()};
  }

  void read_row(int64_t index, std::span<std::byte> row) const {
    const auto place = place_of_row(index);
    check(row.size() == place.bytes, "a record of {} bytes is read into {}", place.bytes, row.size());
    data.read(place.offset, row, index);
  }

  void open_latents() {
    latents.emplace(path);
    rows_digest = latents->file().digest();
  }

  // The rows of `indices`, in elements of `dtype`.
  at::Tensor read_rows(std::span<const int64_t> indices, at::ScalarType dtype) const {
    auto shape = rows.shape;
    shape[0] = static_cast<int64_t>(indices.size());
    const auto out = at::empty(shape, dtype);
    auto* row = static_cast<std::byte*>(out.data_ptr());
    for (const int64_t index : indices) {
      read_row(index, {row, row_bytes()});
      row += row_bytes();
    }
    return out;
  }

  std::filesystem::path path;
  PositionedFile data;
  std::string kind;
  nlohmann::json provenance;
  std::optional<PromptTable> prompts;
  std::string digest;
  H5Extent rows;
  std::string rows_digest;
  std::optional<LatentReader> latents;     // of that kind
  std::optional<CaptionNoise> noise;       // of pairs
  std::vector<uint32_t> number_in_prompt;  // of pairs
};

std::string kind_of_store(const std::filesystem::path& path) {
  return read_header(H5File::open_read_only(path), path.string()).kind;
}

Store::Store(const std::filesystem::path& path) : impl_(std::make_unique<Impl>(path, nullptr)) {}
Store::Store(const std::filesystem::path& path, const StoreSummary& known)
    : impl_(std::make_unique<Impl>(path, &known)) {}
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
  return impl_->prompts->size();
}
std::string Store::caption(int64_t index) const {
  return impl_->prompts->read(impl_->data, index);
}
void Store::each_caption(const std::function<void(std::string_view)>& see) const {
  impl_->each_prompt(see);
}
bool Store::has_images() const {
  return !impl_->rows.shape.empty() && !has_pairs();
}
bool Store::has_pairs() const {
  return impl_->kind == layout::kPairs;
}
bool Store::has_latents() const {
  return impl_->latents.has_value();
}
const LatentInfo& Store::latent_info() const {
  check(has_latents(), "'{}' has no latents", impl_->path.string());
  return impl_->latents->file().info();
}

std::vector<int64_t> Store::image_shape() const {
  if (!has_images()) return {};
  return {impl_->rows.shape.begin() + 1, impl_->rows.shape.end()};
}
std::vector<int64_t> Store::sample_shape() const {
  if (!has_pairs()) return {};
  return {impl_->rows.shape.begin() + 1, impl_->rows.shape.end()};
}

const std::string& Store::digest() const {
  return impl_->digest;
}

StoreSummary Store::summary() const {
  return {.bytes = std::filesystem::file_size(path()),
          .records = size(),
          .fingerprint = impl_->fingerprint(),
          .digest = digest()};
}

void Store::log_text_remarks() const {
  UnseenCharacters unseen;
  int64_t index = 0, num_other_forms = 0, first_other = 0;
  each_caption([&](std::string_view prompt) {
    unseen.count(prompt, [&] { return fmt::format("prompt {}", index); });
    if (!is_nfc(prompt) && num_other_forms++ == 0) first_other = index;
    ++index;
  });
  unseen.log(path().string());
  if (num_other_forms == 0) return;
  spdlog::info(
      "{}: {} prompts are not in Unicode's normal form C, the first is prompt {}; prompts from other files are, and "
      "will not be the same words; make the store again",
      path().string(), num_other_forms, first_other);
}

ByteRange Store::place_of_row(int64_t index) const {
  check(has_images() || has_pairs(), "'{}' has neither images nor pairs", impl_->path.string());
  return impl_->place_of_row(index);
}

void Store::read_row(int64_t index, std::span<std::byte> row) const {
  check(has_images() || has_pairs(), "'{}' has neither images nor pairs", impl_->path.string());
  impl_->read_row(index, row);
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
    noise.push_back(impl_->noise->draw(caption(index), impl_->number_in_prompt[i], sample_shape()));
  }
  pairs.noise = at::cat(noise);
  return pairs;
}

at::Tensor Store::latents(std::span<const int64_t> indices, const at::Tensor& eps) const {
  check(has_latents(), "'{}' has no latents", impl_->path.string());
  return impl_->latents->read(indices, eps);
}

void Store::verify_images() const {
  const auto rows = layout::rows_of(kind());
  if (!rows) return;
  const auto problem = problem_of_rows(impl_->data, *rows, impl_->rows, impl_->rows_digest);
  if (problem) throw IoError(fmt::format("'{}': {}", path().string(), *problem));
}

}  // namespace fgm
