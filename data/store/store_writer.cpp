#include "data/store/store_writer.h"

#include <fmt/ranges.h>

#include <optional>
#include <vector>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/text.h"
#include "core/io/atomic_file.h"
#include "core/io/output_path.h"
#include "data/hdf5/h5_file.h"
#include "data/store/internal/header.h"
#include "data/store/internal/layout.h"
#include "data/store/internal/prompt_table.h"
#include "data/store/internal/record_marks.h"
#include "data/store/positioned_file.h"
#include "data/store/store.h"

namespace fgm {
namespace {

void check_header(const StoreContents& header, at::IntArrayRef row_shape) {
  check(layout::is_kind(header.kind) && header.kind != layout::kEmbeddings && header.kind != layout::kLatents,
        "a store of kind '{}' is not written so", header.kind);
  check(header.provenance.is_object(), "a store's provenance must be a JSON object");
  check(!header.prompts.empty(), "a store needs at least one record");
  const bool has_rows = layout::rows_of(header.kind).has_value();
  check(row_shape.size() == (has_rows ? 3U : 0U), "a store of kind '{}' must{} have images", header.kind,
        has_rows ? "" : " not");
  for (size_t i = 0; i < header.prompts.size(); ++i) {
    require<ConfigError>(is_utf8(header.prompts[i]), "caption {} is not UTF-8; convert the captions first", i);
  }
}

}  // namespace

// HDF5 opens files by their name; the AtomicFile owns the name.
struct StoreWriter::Impl {
  Impl(const std::filesystem::path& path, const StoreContents& contents, at::IntArrayRef row_shape)
      : rows(layout::rows_of(contents.kind)),
        shape{static_cast<int64_t>(contents.prompts.size())},
        atomic_file(path),
        file(H5File::create(atomic_file.temporary())) {
    write_header(file, /*format=*/1, {contents.kind, contents.provenance});
    write_prompts(file, contents.prompts);
    if (contents.kind == layout::kPairs) file.write_attribute(layout::kNoiseSeed, contents.noise_seed);
    if (!rows) return;
    shape.insert(shape.end(), row_shape.begin(), row_shape.end());
    file.create(rows->name, rows->element, shape);
  }

  std::optional<layout::Rows> rows;  // of a kind that has some
  std::vector<int64_t> shape;        // of the rows, [N, ...], or [N]
  int64_t num_appended = 0;
  Digest digest;
  std::vector<uint64_t> row_digests;
  AtomicFile atomic_file;
  H5File file;
};

StoreWriter::StoreWriter(std::filesystem::path path, const StoreContents& header, at::IntArrayRef row_shape)
    : path_(std::move(path)) {
  check_header(header, row_shape);
  make_folder_of(path_);
  impl_ = std::make_unique<Impl>(path_, header, row_shape);
}
StoreWriter::~StoreWriter() = default;

void StoreWriter::append(const at::Tensor& rows) {
  check(impl_->rows.has_value(), "a store of captions takes no images");
  const auto row_shape = at::IntArrayRef(impl_->shape).slice(1);
  const bool is_half = impl_->rows->element == H5Element::kFloat16;
  check(rows.dim() == 4 && rows.scalar_type() == (is_half ? at::kHalf : at::kByte) && rows.is_cpu() &&
            rows.sizes().slice(1) == row_shape && rows.size(0) <= impl_->shape[0] - impl_->num_appended,
        "{} must be {} [{} at most, {}] on the CPU", impl_->rows->name, is_half ? "float16" : "uint8",
        impl_->shape[0] - impl_->num_appended, fmt::join(row_shape, ", "));
  const auto contiguous = rows.contiguous();
  const std::span bytes(static_cast<const std::byte*>(contiguous.const_data_ptr()), contiguous.nbytes());
  impl_->digest.update(bytes);
  for (int64_t i = 0; i < contiguous.size(0); ++i) {
    const size_t row_bytes = bytes.size() / static_cast<size_t>(contiguous.size(0));
    impl_->row_digests.push_back(digest_of_record(bytes.subspan(static_cast<size_t>(i) * row_bytes, row_bytes)));
  }
  impl_->file.write_rows(impl_->rows->name, impl_->num_appended, bytes);
  impl_->num_appended += contiguous.size(0);
}

void StoreWriter::commit() {
  if (impl_->rows) {
    check(impl_->num_appended == impl_->shape[0], "{} {} were appended to a store of {} records", impl_->num_appended,
          impl_->rows->name, impl_->shape[0]);
    impl_->file.write_attribute(impl_->rows->digest, impl_->digest.hex());
    impl_->file.write_uint64(impl_->rows->row_digests, impl_->row_digests);
  }
  impl_->file.close();
  impl_->atomic_file.commit();
}

void StoreWriter::commit_fewer(const StoreContents& header) {
  const auto shape = impl_->shape;
  const int64_t count = impl_->num_appended;
  impl_->file.close();
  const PositionedFile appended(impl_->atomic_file.temporary());
  uint64_t offset =
      H5File::open_read_only(impl_->atomic_file.temporary()).extent(layout::kImages, H5Element::kUint8).offset;
  impl_.reset();  // The name goes, for the next file of it; the bytes stay while `appended` is open.

  const auto image_shape = at::IntArrayRef(shape).slice(1);
  StoreWriter fewer(path_, header, image_shape);
  auto image = at::empty(image_shape, at::kByte).unsqueeze(0);
  const auto bytes = std::as_writable_bytes(std::span(image.data_ptr<uint8_t>(), image.nbytes()));
  for (int64_t i = 0; i < count; ++i, offset += bytes.size()) {
    appended.read(offset, bytes);
    fewer.append(image);
  }
  fewer.commit();
}

void write_store(const std::filesystem::path& path, const StoreContents& contents) {
  const auto& images = contents.images_NHWC;
  check(!images.defined() || images.dim() == 4, "images must be uint8 [N, H, W, C]");
  StoreWriter writer(path, contents, images.defined() ? images.sizes().slice(1) : at::IntArrayRef());
  if (images.defined()) writer.append(images);
  writer.commit();
}

}  // namespace fgm
