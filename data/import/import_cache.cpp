#include "data/import/import_cache.h"

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_set>

#include "core/base/error.h"
#include "core/base/text.h"
#include "data/import/internal/cached_files.h"
#include "data/import/internal/image_source.h"
#include "data/store/embedding_store.h"
#include "data/store/latent_writer.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

void require_finite(const at::Tensor& values, at::ScalarType dtype, const fs::path& path) {
  require<IoError>(at::isfinite(values.to(dtype)).all().item<bool>(), "{}: there are values that are not finite in {}",
                   path.string(), at::toString(dtype));
}

// Calls `scan` for each file. One that it throws an IoError or ConfigError for is skipped.
template <typename Scan>
void scan_files(const std::vector<fs::path>& files, const CacheOptions& options, CacheReport& report,
                const Scan& scan) {
  for (size_t i = 0; i < files.size(); ++i) {
    try {
      scan(i);
    } catch (const Error& error) {
      report.skipped.push_back(printable(reason_to_skip(error)));
      require<IoError>(std::ssize(report.skipped) <= options.max_bad,
                       "more than --max-bad = {} files of {} cannot be used; the last: {}", options.max_bad,
                       options.from.string(), report.skipped.back());
    }
  }
  require<IoError>(report.skipped.size() < files.size(), "no file of {} can be used; the last: {}",
                   options.from.string(), report.skipped.empty() ? "" : report.skipped.back());
}

nlohmann::json with_source(const CacheOptions& options, const CacheReport& report) {
  nlohmann::json provenance = options.provenance;
  provenance["from"] = options.from.string();
  provenance["skipped"] = report.skipped.size();
  return provenance;
}

// The embeddings of one prompt, [1, ...] each.
EmbeddingRows read_rows(const EmbeddingStore& store, const std::string& prompt) {
  const auto& shape = store.info().shape;
  const auto context_LJ = at::empty({shape.num_tokens(), shape.context_width}, at::kFloat);
  const auto pooled_P = at::empty({shape.pooled_width}, at::kFloat);
  store.read(prompt, context_LJ.mutable_data_ptr<float>(), pooled_P.mutable_data_ptr<float>());
  return {.clip = context_LJ.narrow(0, 0, shape.clip_tokens).narrow(1, 0, shape.clip_width).unsqueeze(0),
          .t5 = context_LJ.narrow(0, shape.clip_tokens, shape.t5_tokens).unsqueeze(0),
          .pooled = pooled_P.unsqueeze(0)};
}

EmbeddingRows select_rows(const EmbeddingRows& rows, const std::vector<int64_t>& indices) {
  const auto index = at::tensor(indices, at::kLong);
  return {.clip = rows.clip.index_select(0, index),
          .t5 = rows.t5.index_select(0, index),
          .pooled = rows.pooled.index_select(0, index)};
}

// By how much of its norm `ours` differs from `theirs`: the part that differs most.
double relative_difference(const EmbeddingRows& ours, const EmbeddingRows& theirs) {
  const auto of = [](const at::Tensor& a, const at::Tensor& b) {
    const double norm = b.to(at::kDouble).norm().item<double>();
    return (a.to(at::kDouble) - b.to(at::kDouble)).norm().item<double>() / std::max(norm, 1e-12);
  };
  return std::max({of(ours.clip, theirs.clip), of(ours.t5, theirs.t5), of(ours.pooled, theirs.pooled)});
}

class EmbeddingImport {
 public:
  EmbeddingImport(const CacheOptions& options, const fs::path& like)
      : options_(options), files_(find_cached_embeddings(options.from)), kept_(files_.size()) {
    if (!like.empty()) like_.emplace(like);
  }

  CacheReport run() {
    scan_files(files_, options_, report_, [&](size_t file) { scan(file); });
    compare_with_like();
    add_empty_prompt();
    write();
    return std::move(report_);
  }

 private:
  struct Kept {
    int64_t first_record = 0;
    std::vector<int64_t> rows;  // of the file, for one record after the other
  };

  void scan(size_t file) {
    const auto& path = files_[file];
    const auto cached = read_cached_embeddings(path);
    if (shape_ == EmbeddingShape{}) first_ = path;
    require<IoError>(first_ == path || cached.shape == shape_, "{}: its arrays have other sizes than those of {}",
                     path.string(), first_.string());
    for (const auto& part : {cached.rows.clip, cached.rows.t5, cached.rows.pooled}) {
      require_finite(part, options_.dtype, path);
    }
    shape_ = cached.shape;
    kept_[file].first_record = std::ssize(prompts_);
    for (size_t row = 0; row < cached.prompts.size(); ++row) {
      const auto& prompt = cached.prompts[row];
      if (!seen_.insert(prompt).second) {
        ++report_.repeated;
        continue;
      }
      prompts_.push_back(prompt);
      kept_[file].rows.push_back(static_cast<int64_t>(row));
    }
  }

  // Of the prompts that both have, the first few tell other encoders from these.
  void compare_with_like() {
    if (!like_) return;
    require<ConfigError>(like_->info().shape == shape_,
                         "--like {} holds {} + {} rows of width {}, and {} has {} + {} of {}; give a store of the same "
                         "encoders and T5 tokens",
                         like_->path().string(), like_->info().shape.clip_tokens, like_->info().shape.t5_tokens,
                         like_->info().shape.context_width, options_.from.string(), shape_.clip_tokens,
                         shape_.t5_tokens, shape_.context_width);
    for (size_t file = 0; file < files_.size() && report_.compared < kMostCompared; ++file) compare_file(file);
  }

  void compare_file(size_t file) {
    constexpr double kMostDifference = 0.1;
    const auto& [first, rows] = kept_[file];
    std::optional<CachedEmbeddings> cached;
    for (size_t i = 0; i < rows.size() && report_.compared < kMostCompared; ++i) {
      const auto& prompt = prompts_[static_cast<size_t>(first) + i];
      if (!like_->find(prompt)) continue;
      if (!cached) cached = read_cached_embeddings(files_[file]);
      const double difference = relative_difference(select_rows(cached->rows, {rows[i]}), read_rows(*like_, prompt));
      require<ConfigError>(difference <= kMostDifference,
                           "{}: the embedding of '{}' differs by {:.0f} % of its norm from that in --like {}: other "
                           "encoders, tokens or attention masks made it",
                           files_[file].string(), printable(prompt), 100 * difference, like_->path().string());
      ++report_.compared;
    }
  }

  void add_empty_prompt() {
    is_empty_from_like_ = !seen_.contains("");
    if (!is_empty_from_like_) return;
    require<ConfigError>(
        like_.has_value(),
        "{} lacks the empty prompt, which guidance needs; give --like STORE, which `fgm encode --text` "
        "has made with the same encoders and T5 tokens of any list of prompts",
        options_.from.string());
    prompts_.emplace_back();
  }

  nlohmann::json provenance() const {
    auto provenance = with_source(options_, report_);
    provenance["encoders"] = like_ ? like_->info().provenance.value("encoders", nlohmann::json(kUnknownEncoders))
                                   : nlohmann::json(kUnknownEncoders);
    if (like_) provenance["like"] = like_->path().string();
    return provenance;
  }

  void write() {
    EmbeddingWriter::prepare(
        options_.out, {.prompts = prompts_, .shape = shape_, .dtype = options_.dtype, .provenance = provenance()});
    const EmbeddingWriter writer(options_.out);
    for (size_t file = 0; file < files_.size(); ++file) write_file(file, writer);
    if (is_empty_from_like_) {
      const auto last = std::ssize(prompts_) - 1;
      writer.write({&last, 1}, read_rows(*like_, ""));
    }
    EmbeddingWriter::finish(options_.out);
    report_.written = std::ssize(prompts_);
  }

  void write_file(size_t file, const EmbeddingWriter& writer) const {
    const auto& [first, rows] = kept_[file];
    const auto records = writer.remaining(first, first + std::ssize(rows));
    if (records.empty()) return;
    std::vector<int64_t> wanted;
    for (const int64_t record : records) wanted.push_back(rows[static_cast<size_t>(record - first)]);
    writer.write(records, select_rows(read_cached_embeddings(files_[file]).rows, wanted));
  }

  static constexpr int64_t kMostCompared = 100;
  CacheOptions options_;
  std::vector<fs::path> files_;
  std::vector<Kept> kept_;  // of each file
  std::optional<EmbeddingStore> like_;
  fs::path first_;  // whose sizes all must have
  EmbeddingShape shape_;
  std::vector<std::string> prompts_;
  std::unordered_set<std::string> seen_;
  bool is_empty_from_like_ = false;
  CacheReport report_;
};

class LatentImport {
 public:
  LatentImport(const CacheOptions& options, const LatentInfo& vae)
      : options_(options), info_(vae), files_(find_cached_latents(options.from)), places_(files_.size()) {}

  CacheReport run() {
    scan_files(files_, options_, report_, [&](size_t file) { scan(file); });
    write();
    return std::move(report_);
  }

 private:
  using Size = std::pair<int64_t, int64_t>;  // height and width of an image
  struct Place {
    Size size;
    int64_t row;  // among the latents of the size
  };

  void scan(size_t file) {
    const auto& path = files_[file];
    const auto cached = read_cached_latents(path);
    for (const auto& latent : cached.latents) {
      require<IoError>(latent.size(0) == info_.channels,
                       "{}: its latents have {} channels, those of the autoencoder {}", path.string(), latent.size(0),
                       info_.channels);
      require_finite(latent, options_.dtype, path);
    }
    for (size_t i = 0; i < cached.latents.size(); ++i) {
      const Size size{cached.latents[i].size(1) * info_.downscale, cached.latents[i].size(2) * info_.downscale};
      auto& prompts = prompts_[size];
      places_[file].push_back({size, std::ssize(prompts)});
      prompts.push_back(cached.prompts[i]);
    }
  }

  void write() {
    std::vector<std::string> prompts;
    std::map<Size, int64_t> begins;
    for (const auto& [size, of_size] : prompts_) {
      begins[size] = std::ssize(prompts);
      info_.buckets.push_back({.height = size.first, .width = size.second, .size = std::ssize(of_size)});
      prompts.insert(prompts.end(), of_size.begin(), of_size.end());
    }
    info_.has_logvar = false;
    info_.dtype = options_.dtype;
    info_.provenance = with_source(options_, report_);
    LatentWriter::prepare(options_.out, info_, prompts);
    const LatentWriter writer(options_.out);
    for (size_t file = 0; file < files_.size(); ++file) write_file(file, begins, writer);
    LatentWriter::finish(options_.out);
    report_.written = info_.size();
  }

  void write_file(size_t file, const std::map<Size, int64_t>& begins, const LatentWriter& writer) const {
    std::vector<int64_t> records;
    std::vector<size_t> wanted;
    for (size_t i = 0; i < places_[file].size(); ++i) {
      const auto& place = places_[file][i];
      const int64_t record = begins.at(place.size) + place.row;
      if (writer.remaining(record, record + 1).empty()) continue;
      records.push_back(record);
      wanted.push_back(i);
    }
    if (records.empty()) return;
    const auto cached = read_cached_latents(files_[file]);
    std::vector<at::Tensor> rows;
    for (const size_t i : wanted) rows.push_back(cached.latents.at(i));
    writer.write(records, rows);
  }

  CacheOptions options_;
  LatentInfo info_;
  std::vector<fs::path> files_;
  std::vector<std::vector<Place>> places_;  // of each file's latents
  std::map<Size, std::vector<std::string>> prompts_;
  CacheReport report_;
};

}  // namespace

CacheReport import_embeddings(const CacheOptions& options, const fs::path& like) {
  return EmbeddingImport(options, like).run();
}

CacheReport import_latents(const CacheOptions& options, const LatentInfo& vae) {
  return LatentImport(options, vae).run();
}

size_t count_cached_embeddings(const fs::path& from) {
  return find_cached_embeddings(from).size();
}

size_t count_cached_latents(const fs::path& from) {
  return find_cached_latents(from).size();
}

}  // namespace fgm
