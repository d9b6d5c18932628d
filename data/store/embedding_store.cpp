#include "data/store/embedding_store.h"

#include <algorithm>
#include <mutex>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/text.h"
#include "data/store/for_each_row.h"
#include "data/store/internal/block_pool.h"
#include "data/store/internal/embedding_file.h"
#include "data/store/internal/prompt_index.h"
#include "data/store/internal/widen.h"

// B batch, L context tokens, J context width, P pooled width
namespace fgm {
namespace {

// Copies rows of `width` values to rows of `out_width`, with zeros behind them. A plain loop: a prefetch thread runs this,
// and ATen would take the threads that compute.
template <typename Value>
void copy_rows(const std::byte* rows, int64_t num_rows, int64_t width, float* out, int64_t out_width) {
  const auto* values = reinterpret_cast<const Value*>(rows);
  for (int64_t row = 0; row < num_rows; ++row, values += width, out += out_width) {
    for (int64_t i = 0; i < width; ++i) out[i] = widen(values[i]);
    std::fill(out + width, out + out_width, 0.0f);
  }
}

template <typename Value>
void copy_record(const std::byte* record, const RecordBytes& bytes, const EmbeddingShape& shape, float* context_LJ,
                 float* pooled_P) {
  const int64_t width = shape.context_width;
  copy_rows<Value>(record, shape.clip_tokens, shape.clip_width, context_LJ, width);
  copy_rows<Value>(record + bytes.clip, shape.t5_tokens, shape.t5_width, context_LJ + shape.clip_tokens * width, width);
  copy_rows<Value>(record + bytes.clip + bytes.t5, 1, shape.pooled_width, pooled_P, shape.pooled_width);
}

at::Tensor empty_from(const BlockPool& pool, at::IntArrayRef shape) {
  const auto bytes = static_cast<size_t>(c10::multiply_integers(shape)) * sizeof(float);
  auto block = pool.take(bytes);
  auto* const data = block.get();
  return at::from_blob(
      data, shape, [block = std::move(block)](void*) {}, at::kFloat);
}

}  // namespace

EmbeddingInfo read_embedding_info(const std::filesystem::path& path) {
  const EmbeddingFile file(path);
  EmbeddingInfo info = file.info();
  info.num_done = file.count_done();
  return info;
}

std::string encoders_digest(const nlohmann::json& provenance) {
  return fmt::format("{:016x}", hash64(provenance.value("encoders", nlohmann::json()).dump()));
}

struct EmbeddingStore::Impl {
  explicit Impl(const std::filesystem::path& path) : file(path), info(file.info()) {
    info.num_done = file.count_done();
    require<IoError>(info.num_done == info.size,
                     "'{}': {} of {} records are written; the same `fgm encode` again writes the rest", path.string(),
                     info.num_done, info.size);
  }

  const PromptIndex& prompts() const {
    std::call_once(is_indexed, [&] { index.emplace(file); });
    return *index;
  }

  EmbeddingFile file;
  EmbeddingInfo info;
  BlockPool records{kReadThreads};
  mutable std::once_flag is_indexed;
  mutable std::optional<PromptIndex> index;  // made for the first prompt that is looked up
};

EmbeddingStore::EmbeddingStore(const std::filesystem::path& path) : impl_(std::make_unique<Impl>(path)) {}
EmbeddingStore::~EmbeddingStore() = default;
EmbeddingStore::EmbeddingStore(EmbeddingStore&&) noexcept = default;
EmbeddingStore& EmbeddingStore::operator=(EmbeddingStore&&) noexcept = default;

const std::filesystem::path& EmbeddingStore::path() const {
  return impl_->file.data().path();
}

const EmbeddingInfo& EmbeddingStore::info() const {
  return impl_->info;
}

std::string EmbeddingStore::digest() const {
  Digest digest;
  const auto add = [&](int64_t, uint64_t value) { digest.update(std::as_bytes(std::span(&value, 1))); };
  impl_->file.each_prompt_hash(add);
  impl_->file.each_digest(add);
  return digest.hex();
}

std::optional<int64_t> EmbeddingStore::find(const std::string& prompt) const {
  return impl_->prompts().find(prompt);
}

std::array<ByteRange, 3> EmbeddingStore::places_of(int64_t record) const {
  return impl_->file.places_of(record);
}

bool EmbeddingStore::read(const std::string& prompt, float* context_LJ, float* pooled_P) const {
  const auto index = find(prompt);
  if (!index) return false;
  const auto bytes = impl_->file.record_bytes();
  const auto block = impl_->records.take(bytes.total());
  const std::span record(block.get(), bytes.total());
  if (!impl_->file.read(*index, record)) {
    throw DamageError(
        fmt::format("'{}': record {} (prompt '{}') fails its check-sum; `fgm data verify` names all that do, copy or "
                    "make the store again",
                    path().string(), *index, printable(prompt)));
  }
  const auto element = impl_->file.element();
  const auto copy = element == H5Element::kFloat32   ? copy_record<float>
                    : element == H5Element::kFloat16 ? copy_record<at::Half>
                                                     : copy_record<at::BFloat16>;
  copy(record.data(), bytes, impl_->info.shape, context_LJ, pooled_P);
  return true;
}

// A batch is being used, as many as data.prefetch are ready, and one is made; so are those of the empty prompt.
constexpr size_t kBatchesKept = 8;

StoredTextEncoder::StoredTextEncoder(std::vector<EmbeddingStore> stores)
    : stores_(std::move(stores)), batches_(std::make_unique<BlockPool>(kBatchesKept)) {
  const auto& first = stores_.at(0);
  for (const auto& store : stores_) {
    require<ConfigError>(store.info().shape == first.info().shape &&
                             encoders_digest(store.info().provenance) == encoders_digest(first.info().provenance),
                         "'{}' holds embeddings of other sizes or encoders than '{}'; give stores of the same",
                         store.path().string(), first.path().string());
  }
}

StoredTextEncoder::~StoredTextEncoder() = default;

bool StoredTextEncoder::contains(const std::string& caption) const {
  return std::ranges::any_of(stores_, [&](const auto& store) { return store.find(caption).has_value(); });
}

Conditioning StoredTextEncoder::encode(std::span<const std::string> captions) const {
  const auto& shape = stores_[0].info().shape;
  const auto batch = std::ssize(captions);
  Conditioning out{empty_from(*batches_, {batch, shape.num_tokens(), shape.context_width}),
                   at::empty({batch, shape.pooled_width}, at::kFloat)};
  float* const context_BLJ = out.context_BLJ.data_ptr<float>();
  float* const pooled_BP = out.pooled_BP.data_ptr<float>();
  for_each_row(batch, [&](int64_t row) {
    const auto& caption = captions[static_cast<size_t>(row)];
    float* const context_LJ = context_BLJ + row * shape.num_tokens() * shape.context_width;
    float* const pooled_P = pooled_BP + row * shape.pooled_width;
    const bool is_found =
        std::ranges::any_of(stores_, [&](const auto& store) { return store.read(caption, context_LJ, pooled_P); });
    if (!is_found) {
      throw ConfigError(fmt::format("prompt '{}' is not in '{}'{}; encode it with `fgm encode`", printable(caption),
                                    stores_[0].path().string(), stores_.size() > 1 ? " and the other stores" : ""));
    }
  });
  return out;
}

}  // namespace fgm
