#include "data/store/latent_writer.h"

#include <fmt/ranges.h>

#include "core/base/error.h"
#include "core/io/atomic_file.h"
#include "core/io/output_path.h"
#include "data/hdf5/file_guard.h"
#include "data/store/internal/embedding_file.h"
#include "data/store/internal/header.h"
#include "data/store/internal/latent_file.h"
#include "data/store/internal/layout.h"
#include "data/store/internal/partial_file.h"
#include "data/store/internal/prompt_table.h"
#include "data/store/store.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

void check_latents(const LatentInfo& info, std::span<const std::string> prompts) {
  check(info.provenance.is_object(), "a store's provenance must be a JSON object");
  check(!prompts.empty() && info.size() == std::ssize(prompts), "{} latents have {} prompts", info.size(),
        prompts.size());
  require_utf8(prompts);
}

void lay_out_latents(const fs::path& partial, const LatentInfo& info, std::span<const std::string> prompts) {
  AtomicFile atomic_file(partial);
  auto file = H5File::create_with_guard(atomic_file.temporary());
  write_header(file, kStoreFormat, {std::string(layout::kLatents), info.provenance});
  std::vector<std::string> names;
  for (const auto& bucket : info.buckets) names.push_back(bucket.name());
  file.write_fixed_attribute(layout::kLatentBuckets, fmt::format("{}", fmt::join(names, " ")));
  file.write_attribute(layout::kLatentChannels, info.channels);
  write_prompts(file, prompts);
  const auto size = std::ssize(prompts);
  file.write_bytes(layout::kLatentDone, std::vector<std::byte>(prompts.size()), {&size, 1});
  file.create_in_place(layout::kLatentDigest, H5Element::kUint64, {&size, 1});
  for (size_t i = 0; i < info.buckets.size(); ++i) {
    auto shape = info.row_shape(i);
    shape.insert(shape.begin(), info.buckets[i].size);
    file.create_in_place(latents_dataset(info.buckets[i]), float_element(info.dtype), shape);
  }
  file.close();
  write_guard(atomic_file.temporary(), LatentFile(atomic_file.temporary()).values());
  atomic_file.commit();
}

// What differs between a file that was begun and what is wanted; "" when it can be gone on with.
std::string difference_of_latents(const fs::path& partial, const LatentInfo& info,
                                  std::span<const std::string> prompts) {
  const LatentInfo begun = LatentFile(partial).info();
  if (begun.dtype != info.dtype) return "dtype";
  if (auto different = difference_of_provenance(begun.provenance, info.provenance); !different.empty()) {
    return different;
  }
  if (begun.buckets != info.buckets || begun.row_shape(0) != info.row_shape(0)) return "sizes";
  return difference_of_prompts(partial, prompts);
}

}  // namespace

struct LatentWriter::Impl {
  LatentFile file;
};

fs::path LatentWriter::partial_of(const fs::path& out) {
  return partial_file(out);
}

void LatentWriter::prepare(const fs::path& out, const LatentInfo& info, std::span<const std::string> prompts) {
  check_latents(info, prompts);
  const auto partial = partial_of(out);
  if (!fs::exists(partial)) {
    make_folder_of(out);
    return lay_out_latents(partial, info, prompts);
  }
  const auto different = difference_of_latents(partial, info, prompts);
  require<ConfigError>(different.empty(),
                       "'{}' was begun for other latents ({}); go on with what it was begun for, or remove it",
                       partial.string(), different);
}

LatentWriter::LatentWriter(const fs::path& out) : impl_(new Impl{LatentFile(partial_of(out), Access::kReadWrite)}) {}
LatentWriter::~LatentWriter() = default;

std::vector<int64_t> LatentWriter::remaining(int64_t begin, int64_t end) const {
  return remaining_records(impl_->file, begin, end);
}

void LatentWriter::write(std::span<const int64_t> records, std::span<const at::Tensor> rows) const {
  const auto& file = impl_->file;
  const auto& info = file.info();
  check(records.size() == rows.size(), "{} rows for {} records", rows.size(), records.size());
  for (size_t i = 0; i < records.size(); ++i) {
    const auto shape = info.row_shape(info.bucket_of(records[i]));
    check(rows[i].is_cpu() && rows[i].sizes() == at::IntArrayRef(shape), "latent {} must be [{}] on the CPU",
          records[i], fmt::join(shape, ", "));
    const auto row = rows[i].to(info.dtype).contiguous();
    require<DoNotRequeueError>(at::isfinite(row).all().item<bool>(),
                               "'{}': record {} has values that are not finite in {}; another dtype may hold them",
                               file.data().path().string(), records[i], at::toString(info.dtype));
    file.write(records[i], {static_cast<const std::byte*>(row.const_data_ptr()), row.nbytes()});
  }
  file.data().sync();
  for (const int64_t index : records) file.set_done(index);
}

void LatentWriter::finish(const fs::path& out) {
  const auto info = read_latent_info(partial_of(out));
  publish_partial(out, info.num_done, info.size());
}

}  // namespace fgm
