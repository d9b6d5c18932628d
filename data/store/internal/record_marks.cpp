#include "data/store/internal/record_marks.h"

#include <algorithm>
#include <utility>

namespace fgm {

uint64_t digest_of_record(std::span<const std::byte> record) {
  return hash64({reinterpret_cast<const char*>(record.data()), record.size()});
}

RecordMarks::RecordMarks(H5Extent digests, H5Extent done) : digests_(std::move(digests)), done_(std::move(done)) {}

bool RecordMarks::matches(const PositionedFile& data, int64_t index, std::span<const std::byte> record) const {
  if (!has_digests()) return true;
  uint64_t digest = 0;
  data.read(digests_.offset + static_cast<uint64_t>(index) * sizeof(digest),
            std::as_writable_bytes(std::span(&digest, 1)), index);
  return digest_of_record(record) == digest;
}

void RecordMarks::write_digest(const PositionedFile& data, int64_t index, std::span<const std::byte> record) const {
  const uint64_t digest = digest_of_record(record);
  data.write(digests_.offset + static_cast<uint64_t>(index) * sizeof(digest), std::as_bytes(std::span(&digest, 1)));
}

std::vector<bool> RecordMarks::done(const PositionedFile& data, int64_t begin, int64_t end) const {
  std::vector<uint8_t> map(static_cast<size_t>(end - begin), 1);
  if (done_.bytes > 0) data.read(done_.offset + static_cast<uint64_t>(begin), std::as_writable_bytes(std::span(map)));
  return {map.begin(), map.end()};
}

int64_t RecordMarks::count_done(const PositionedFile& data) const {
  return std::ranges::count(done(data, 0, done_.shape.at(0)), true);
}

void RecordMarks::set_done(const PositionedFile& data, int64_t index) const {
  const std::byte one{1};
  data.write(done_.offset + static_cast<uint64_t>(index), {&one, 1});
}

void add_extent(Digest& digest, const PositionedFile& data, const H5Extent& extent) {
  constexpr uint64_t kPieceBytes = uint64_t{4} << 20;
  std::vector<std::byte> piece(std::min(kPieceBytes, extent.bytes));
  for (uint64_t begin = 0; begin < extent.bytes; begin += kPieceBytes) {
    const auto part = std::span(piece).first(std::min(kPieceBytes, extent.bytes - begin));
    data.read(extent.offset + begin, part);
    digest.update(part);
  }
}

}  // namespace fgm
