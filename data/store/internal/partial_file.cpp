#include "data/store/internal/partial_file.h"

#include <cstdint>

#include "core/base/error.h"
#include "core/io/atomic_file.h"
#include "core/io/output_path.h"
#include "data/hdf5/h5_file.h"
#include "data/store/internal/prompt_table.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

}  // namespace

fs::path partial_file(const fs::path& out) {
  fs::path partial = out;
  partial += ".partial";
  return partial;
}

std::string difference_of_prompts(const fs::path& partial, std::span<const std::string> prompts) {
  const PromptTable table(H5File::open_read_only(partial), partial.string());
  if (table.size() != std::ssize(prompts)) return "prompts";
  for (int64_t i = 0; i < table.size(); ++i) {
    if (const auto problem = table.problem(i)) return *problem;
    if (table.text(i) != prompts[static_cast<size_t>(i)]) return "prompts";
  }
  return "";
}

void publish_partial(const fs::path& out) {
  const auto partial = partial_file(out);
  sync_to_disk(partial);
  std::error_code error;
  fs::rename(partial, out, error);
  if (error) throw_write_error(out, "rename", error);
  sync_to_disk(out.has_parent_path() ? out.parent_path() : fs::path("."));
}

}  // namespace fgm
