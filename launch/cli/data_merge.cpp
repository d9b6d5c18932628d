#include <fmt/ranges.h>

#include "core/base/error.h"
#include "core/base/version.h"
#include "core/io/output_path.h"
#include "data/store/merge_stores.h"
#include "data/store/store_index.h"
#include "data/store/store_set.h"
#include "launch/cli/commands.h"
#include "launch/cli/output.h"

namespace fgm {
namespace {

int print_merged(const Invocation& invocation, const nlohmann::ordered_json& json, const std::string& text) {
  invocation.is_json ? print_json(json) : print_out(text);
  return kExitDone;
}

int write_index(const Invocation& invocation, const std::string& list) {
  const std::string out = invocation.flags.text("index");
  require<ConfigError>(is_file_name(out, {".json"}), "--index {}: an index ends in .json", out);
  check_output_file(out);
  const auto num_files = files_of_stores(list).size();
  if (invocation.is_dry_run) return kExitDone;
  const auto num_records = write_store_index(list, out);
  return print_merged(invocation, {{"index", out}, {"files", num_files}, {"records", num_records}},
                      fmt::format("{}: {} records of {} files\n", out, num_records, num_files));
}

int write_merged_store(const Invocation& invocation, const std::string& list) {
  const std::string out = invocation.flags.text("out");
  check_output_file(out);
  const auto files = files_of_stores(list);
  if (invocation.is_dry_run) return kExitDone;
  const auto merged = merge_stores(
      files, out,
      {{"merged", {{"tool", "fgm data merge"}, {"version", version()}, {"from", list}, {"files", files.size()}}}});
  return print_merged(invocation,
                      {{"out", out},
                       {"kind", merged.kind},
                       {"files", files.size()},
                       {"records", merged.size},
                       {"left_out", merged.num_left_out}},
                      fmt::format("{}: {} records of {} from {} files; left out, since they were there already: {}\n",
                                  out, merged.size, merged.kind, files.size(), merged.num_left_out));
}

int merge_data(const Invocation& invocation) {
  const auto list = fmt::format("{}", fmt::join(invocation.arguments, ","));
  const bool wants_index = invocation.flags.has("index");
  require<ConfigError>(wants_index != invocation.flags.has("out"),
                       "give either --out, the one store to write, or --index, the index of the files as they are");
  return wants_index ? write_index(invocation, list) : write_merged_store(invocation, list);
}

}  // namespace

Command data_merge_command() {
  return {.name = "data merge",
          .help = "makes one store of several, or an index of them",
          .run = merge_data,
          .flags = {{"out", "FILE", "the store to write: all records of files of one kind"},
                    {"index", "FILE", "the index (.json) to write: `data.store` opens the files by it at once"}},
          .argument = "LIST..."};
}

}  // namespace fgm
