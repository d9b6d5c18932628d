#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace fgm {

// How fast a way of reading was.
struct ReadRate {
  int64_t records = 0;
  double seconds = 0;
};

struct StoreBench {
  // What training reads with; pread of the same ranges; pread, and XXH3 of what it read.
  static constexpr std::array<std::string_view, 3> kWays = {"reader", "pread", "pread_xxh3"};

  std::string kind;
  uint64_t record_bytes = 0;
  int64_t records = 0;  // of a pass
  // Two passes over the same records, each way by each: the first finds in the page cache what was there, the second
  // what the first left.
  std::array<std::array<ReadRate, kWays.size()>, 2> passes;

  double mb_per_s(const ReadRate& rate) const;  // 10^6 bytes
};

// Reads `records` of a store of images, pairs or embeddings, in the order in which training takes them. The ways take
// turns of 16 records, each of records of its own, so that none finds in the page cache what another has just read; the
// reader takes its turn as a batch, pread has one thread. Fewer where the store has fewer. ConfigError for a store of
// captions, or fewer than three records; IoError.
StoreBench bench_store(const std::filesystem::path& path, int64_t records);

// The share of its time in which a consumer waits that takes `records` in the order of training, each batch when a
// second has brought `records_per_s` (at least 1), while a Prefetcher reads the next ones; a batch is what a tenth of a
// second brings. The first batch does not count. Errors as above.
double waiting_share(const std::filesystem::path& path, int64_t records_per_s, int64_t records);

}  // namespace fgm
