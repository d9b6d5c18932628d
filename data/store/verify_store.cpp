#include "data/store/verify_store.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <type_traits>

#include "core/base/error.h"
#include "data/store/internal/embedding_file.h"
#include "data/store/internal/header.h"
#include "data/store/internal/latent_file.h"
#include "data/store/internal/layout.h"
#include "data/store/internal/prompt_table.h"
#include "data/store/internal/rows.h"

namespace fgm {
namespace {

constexpr int64_t kRecordsAtOnce = 16;

size_t most_bytes(const EmbeddingFile& file) {
  return file.record_bytes().total();
}
size_t most_bytes(const LatentFile& file) {
  return file.most_bytes();
}

// What is wrong with the records [begin, end), by their number.
template <typename File>
std::map<int64_t, std::string> problems_of(const File& file, int64_t begin, int64_t end) {
  const auto is_done = file.done(begin, end);
  std::vector<std::byte> record(most_bytes(file));
  std::map<int64_t, std::string> problems;
  for (int64_t i = begin; i < end; ++i) {
    if (!is_done[static_cast<size_t>(i - begin)]) {
      problems[i] = "it is not written yet";
    } else if (!file.read(i, record)) {
      problems[i] =
          std::is_same_v<File, LatentFile> ? "its latent fails its check-sum" : "its embeddings fail their check-sum";
    }
  }
  return problems;
}

// Threads take the records a few at a time.
template <typename File>
class RecordsCheck {
 public:
  RecordsCheck(const File& file, int64_t num_threads) : file_(file) {
    {
      std::vector<std::jthread> threads;
      for (int64_t i = 0; i < num_threads; ++i) threads.emplace_back([this] { work(); });
    }
    if (error_) std::rethrow_exception(error_);
  }
  const std::map<int64_t, std::string>& problems() const { return problems_; }

 private:
  void work() {
    try {
      for (int64_t begin = 0; (begin = next_.fetch_add(kRecordsAtOnce)) < file_.size();) {
        auto found = problems_of(file_, begin, std::min(begin + kRecordsAtOnce, file_.size()));
        const std::lock_guard lock(mutex_);
        problems_.merge(found);
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      error_ = std::current_exception();
      next_ = file_.size();
    }
  }

  const File& file_;
  std::atomic<int64_t> next_ = 0;
  std::mutex mutex_;  // guards what follows
  std::map<int64_t, std::string> problems_;
  std::exception_ptr error_;
};

template <typename File>
void verify_records(const std::filesystem::path& path, int64_t num_threads, StoreCheck& check) {
  const File file(path);
  const RecordsCheck<File> records(file, num_threads);
  for (const auto& [index, problem] : records.problems()) {
    check.problems.push_back(fmt::format("record {}: {}", index, problem));
  }
}

void verify(const std::filesystem::path& path, int64_t num_threads, StoreCheck& check) {
  const auto name = path.string();
  const auto file = H5File::open_read_only(path);
  check.kind = read_header(file, name).kind;
  {
    const PromptTable prompts(file, name);
    check.size = prompts.size();
    prompts.each(PositionedFile(path), [&](int64_t i, std::string_view, const std::optional<std::string>& problem) {
      if (problem) check.problems.push_back(fmt::format("record {}: {}", i, *problem));
    });
  }
  if (check.kind == layout::kEmbeddings) verify_records<EmbeddingFile>(path, num_threads, check);
  if (check.kind == layout::kLatents) verify_records<LatentFile>(path, num_threads, check);
  const auto rows = layout::rows_of(check.kind);
  if (!rows) return;
  const auto extent = read_extent(file, *rows, name, check.size);
  const auto problem = problem_of_rows(PositionedFile(path), *rows, extent, file.string_attribute(rows->digest));
  if (problem) check.problems.push_back(*problem);
}

}  // namespace

StoreCheck verify_store(const std::filesystem::path& path, int64_t num_threads) {
  StoreCheck check;
  try {
    verify(path, num_threads, check);
  } catch (const IoError& error) {
    if (error.exit_code() != kExitConfig) throw;
    check.problems.emplace_back(error.what());
  }
  return check;
}

}  // namespace fgm
