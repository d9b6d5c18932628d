#include "data/store/verify_store.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

#include "core/base/error.h"
#include "data/store/internal/embedding_file.h"
#include "data/store/internal/latent_file.h"
#include "data/store/internal/layout.h"
#include "data/store/internal/prompt_table.h"
#include "data/store/internal/rows.h"
#include "data/store/store.h"

namespace fgm {
namespace {

constexpr int64_t kRecordsAtOnce = 16;

// What is wrong with a record; nothing where it is not written yet.
using RecordProblem = std::pair<int64_t, const char*>;

template <typename File>
constexpr const char* kDamage = "its image or sample fails its check-sum";
template <>
constexpr const char* kDamage<EmbeddingFile> = "its embeddings fail their check-sum";
template <>
constexpr const char* kDamage<LatentFile> = "its latent fails its check-sum";

template <typename File>
std::vector<RecordProblem> problems_of(const File& file, int64_t begin, int64_t end) {
  const auto is_done = file.done(begin, end);
  std::vector<std::byte> record(file.most_bytes());
  std::vector<RecordProblem> problems;
  for (int64_t i = begin; i < end; ++i) {
    if (!is_done[static_cast<size_t>(i - begin)]) {
      problems.emplace_back(i, nullptr);
    } else if (!file.read(i, record)) {
      problems.emplace_back(i, kDamage<File>);
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
    std::ranges::sort(problems_);
  }
  const std::vector<RecordProblem>& problems() const { return problems_; }  // in the order of the records

 private:
  void work() {
    try {
      for (int64_t begin = 0; (begin = next_.fetch_add(kRecordsAtOnce)) < file_.size();) {
        const auto found = problems_of(file_, begin, std::min(begin + kRecordsAtOnce, file_.size()));
        const std::lock_guard lock(mutex_);
        problems_.insert(problems_.end(), found.begin(), found.end());
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
  std::vector<RecordProblem> problems_;
  std::exception_ptr error_;
};

template <typename File>
void verify_records(const File& file, int64_t num_threads, StoreCheck& check) {
  const RecordsCheck<File> records(file, num_threads);
  int64_t num_unwritten = 0;
  for (const auto& [index, problem] : records.problems()) {
    check.bad_records.push_back(index);
    if (problem == nullptr) {
      ++num_unwritten;
    } else {
      check.problems.push_back(fmt::format("record {}: {}", index, problem));
    }
  }
  if (num_unwritten == 0) return;
  check.problems.push_back(fmt::format("{} of {} records are not written yet; the same command again writes them",
                                       num_unwritten, file.size()));
}

void verify_rows(const RowsFile& file, int64_t num_threads, StoreCheck& check) {
  const auto problem = file.problem();
  if (!problem) return;
  const auto num_problems = check.problems.size();
  if (file.has_row_digests()) verify_records(file, num_threads, check);
  if (check.problems.size() > num_problems) return;
  check.problems.push_back(*problem);
  check.knows_bad_records = file.has_row_digests();
}

void verify_prompts(const std::filesystem::path& path, StoreCheck& check) {
  const PromptTable prompts(H5File::open_read_only(path), path.string());
  check.size = prompts.size();
  prompts.each(PositionedFile(path), [&](int64_t i, std::string_view, const std::optional<std::string>& problem) {
    if (!problem) return;
    check.bad_records.push_back(i);
    check.problems.push_back(fmt::format("record {}: {}", i, *problem));
  });
}

void verify(const std::filesystem::path& path, int64_t num_threads, StoreCheck& check) {
  check.kind = kind_of_store(path);
  verify_prompts(path, check);
  if (check.kind == layout::kEmbeddings) verify_records(EmbeddingFile(path), num_threads, check);
  if (check.kind == layout::kLatents) verify_records(LatentFile(path), num_threads, check);
  if (const auto rows = layout::rows_of(check.kind)) verify_rows(RowsFile(path, *rows), num_threads, check);
}

}  // namespace

StoreCheck verify_store(const std::filesystem::path& path, int64_t num_threads) {
  StoreCheck check;
  try {
    verify(path, num_threads, check);
  } catch (const IoError& error) {
    if (error.exit_code() != kExitConfig) throw;
    check.problems.emplace_back(error.what());
    check.knows_bad_records = false;
  }
  std::ranges::sort(check.bad_records);
  const auto repeated = std::ranges::unique(check.bad_records);
  check.bad_records.erase(repeated.begin(), repeated.end());
  return check;
}

}  // namespace fgm
