#include "data/store/embedding_writer.h"

#include <cstring>
#include <optional>
#include <string_view>
#include <unordered_set>

#include "core/base/error.h"
#include "core/io/atomic_file.h"
#include "core/io/output_path.h"
#include "data/hdf5/file_guard.h"
#include "data/store/internal/embedding_file.h"
#include "data/store/internal/header.h"
#include "data/store/internal/layout.h"
#include "data/store/internal/partial_file.h"
#include "data/store/internal/prompt_table.h"
#include "data/store/store.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

void check_embedding_header(const EmbeddingHeader& header) {
  check(header.provenance.is_object(), "a store's provenance must be a JSON object");
  std::unordered_set<std::string_view> seen;
  require_utf8(header.prompts);
  for (const auto& prompt : header.prompts) {
    check(seen.insert(prompt).second, "prompt '{}' is there twice", prompt);
  }
  check(seen.contains(""), "the empty prompt is not among the prompts");
}

void lay_out(const fs::path& partial, const EmbeddingHeader& header) {
  AtomicFile atomic_file(partial);
  auto file = H5File::create_with_guard(atomic_file.temporary());
  write_header(file, kStoreFormat, {std::string(layout::kEmbeddings), header.provenance});
  const auto& shape = header.shape;
  file.write_attribute(layout::kContextWidth, shape.context_width);
  write_prompts(file, header.prompts);
  const auto size = std::ssize(header.prompts);
  file.write_bytes(layout::kDone, std::vector<std::byte>(header.prompts.size()), {&size, 1});
  const auto element = float_element(header.dtype);
  const auto create = [&](const char* name, H5Element type, const std::vector<int64_t>& sizes) {
    file.create_in_place(name, type, sizes);
  };
  create(layout::kRecordDigest, H5Element::kUint64, {size});
  create(layout::kClip, element, {size, shape.clip_tokens, shape.clip_width});
  create(layout::kT5, element, {size, shape.t5_tokens, shape.t5_width});
  create(layout::kPooled, element, {size, shape.pooled_width});
  file.close();
  write_guard(atomic_file.temporary(), EmbeddingFile(atomic_file.temporary()).values());
  atomic_file.commit();
}

// What differs between a file that was begun and what is wanted; "" when it can be gone on with.
std::string difference(const fs::path& partial, const EmbeddingHeader& header) {
  const EmbeddingFile file(partial);
  if (file.info().shape != header.shape) return "sizes";
  if (file.info().dtype != header.dtype) return "dtype";
  if (auto different = difference_of_provenance(file.info().provenance, header.provenance); !different.empty()) {
    return different;
  }
  return difference_of_prompts(partial, header.prompts);
}

// The bytes of [n, ...] in the type of the file, row behind row.
at::Tensor in_file_type(const at::Tensor& rows, at::ScalarType dtype, at::IntArrayRef shape, const char* name) {
  check(rows.is_cpu() && rows.sizes() == shape, "{} must be [{}] on the CPU", name, fmt::join(shape, ", "));
  return rows.to(dtype).contiguous();
}

}  // namespace

fs::path EmbeddingWriter::partial_of(const fs::path& out) {
  return partial_file(out);
}

void EmbeddingWriter::prepare(const fs::path& out, const EmbeddingHeader& header) {
  check_embedding_header(header);
  const auto partial = partial_of(out);
  if (!fs::exists(partial)) {
    make_folder_of(out);
    return lay_out(partial, header);
  }
  const auto different = difference(partial, header);
  require<ConfigError>(different.empty(),
                       "'{}' was begun for other embeddings ({}); go on with what it was begun for, or remove it",
                       partial.string(), different);
}

struct EmbeddingWriter::Impl {
  EmbeddingFile file;
};

EmbeddingWriter::EmbeddingWriter(const fs::path& out)
    : impl_(new Impl{EmbeddingFile(partial_of(out), Access::kReadWrite)}) {}
EmbeddingWriter::~EmbeddingWriter() = default;

std::vector<int64_t> EmbeddingWriter::remaining(int64_t begin, int64_t end) const {
  return remaining_records(impl_->file, begin, end);
}

void EmbeddingWriter::write(std::span<const int64_t> records, const EmbeddingRows& rows) const {
  const auto& file = impl_->file;
  const auto& shape = file.info().shape;
  const auto n = std::ssize(records);
  std::vector<at::Tensor> parts = {
      in_file_type(rows.clip, file.info().dtype, {n, shape.clip_tokens, shape.clip_width}, layout::kClip)};
  if (shape.t5_width > 0) {
    parts.push_back(in_file_type(rows.t5, file.info().dtype, {n, shape.t5_tokens, shape.t5_width}, layout::kT5));
  }
  parts.push_back(in_file_type(rows.pooled, file.info().dtype, {n, shape.pooled_width}, layout::kPooled));
  for (const auto& part : parts) {
    require<DoNotRequeueError>(at::isfinite(part).all().item<bool>(),
                               "'{}': there are values that are not finite in {}; another dtype may hold them",
                               file.data().path().string(), at::toString(part.scalar_type()));
  }
  std::vector<std::byte> record(file.record_bytes().total());
  for (int64_t i = 0; i < n; ++i) {
    std::byte* end = record.data();
    for (const auto& part : parts) {
      const size_t bytes = part.nbytes() / records.size();
      std::memcpy(end, static_cast<const std::byte*>(part.const_data_ptr()) + static_cast<size_t>(i) * bytes, bytes);
      end += bytes;
    }
    file.write(records[static_cast<size_t>(i)], record);
  }
  file.data().sync();
  for (const int64_t index : records) file.set_done(index);
}

void EmbeddingWriter::finish(const fs::path& out) {
  const auto info = read_embedding_info(partial_of(out));
  publish_partial(out, info.num_done, info.size);
}

}  // namespace fgm
