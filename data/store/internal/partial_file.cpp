#include "data/store/internal/partial_file.h"

#include <optional>
#include <string_view>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/io/atomic_file.h"
#include "core/io/output_path.h"
#include "data/hdf5/h5_file.h"
#include "data/store/internal/header.h"
#include "data/store/internal/prompt_table.h"
#include "data/store/positioned_file.h"

namespace fgm {

namespace fs = std::filesystem;

fs::path partial_file(const fs::path& out) {
  fs::path partial = out;
  partial += ".partial";
  return partial;
}

std::string difference_of_provenance(const nlohmann::json& begun, const nlohmann::json& wanted) {
  const auto entry = first_difference(begun, wanted);
  return entry ? fmt::format("{} is {}, now {}", entry->key, entry->first, entry->second) : "";
}

std::string difference_of_prompts(const fs::path& partial, std::span<const std::string> prompts) {
  const PromptTable table(H5File::open_read_only(partial), partial.string());
  if (table.size() != std::ssize(prompts)) return "prompts";
  std::string found;
  table.each(PositionedFile(partial), [&](int64_t i, std::string_view text, const std::optional<std::string>& problem) {
    if (!found.empty()) return;
    if (problem) {
      found = *problem;
    } else if (text != prompts[static_cast<size_t>(i)]) {
      found = "prompts";
    }
  });
  return found;
}

void require_utf8(std::span<const std::string> prompts) {
  for (const auto& prompt : prompts) {
    if (!is_utf8(prompt)) {
      throw ConfigError(fmt::format("prompt '{}' is not UTF-8; convert the prompts first", printable(prompt)));
    }
  }
}

void publish_partial(const fs::path& out, int64_t num_done, int64_t size) {
  const auto partial = partial_file(out);
  require<IoError>(num_done == size, "'{}': {} of {} records are written; encode the rest", partial.string(), num_done,
                   size);
  sync_to_disk(partial);
  std::error_code error;
  fs::rename(partial, out, error);
  if (error) throw_write_error(out, "rename", error);
  sync_to_disk(out.has_parent_path() ? out.parent_path() : fs::path("."));
}

}  // namespace fgm
