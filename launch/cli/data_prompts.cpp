#include <set>

#include "core/base/error.h"
#include "core/base/version.h"
#include "core/io/output_path.h"
#include "data/import/prompt_list.h"
#include "data/store/store.h"
#include "launch/cli/commands.h"
#include "launch/cli/output.h"

namespace fgm {
namespace {

constexpr int64_t kMaxBadLines = 10;

int import_prompts(const Invocation& invocation) {
  const Flags& flags = invocation.flags;
  const std::string from = flags.text("from"), out = flags.text("out"), column = flags.text("column");
  const int64_t max_bad = flags.whole_number("max-bad", kMaxBadLines);
  require<ConfigError>(max_bad >= 0, "--max-bad = {} is negative; 0 makes each bad line an error", max_bad);
  check_output_file(out);
  const auto list = read_prompt_list(from, {.column = column, .max_bad = max_bad, .key = "--from"});
  if (invocation.is_dry_run) return kExitDone;
  const auto prompts = captions_of(list.prompts);
  const auto num_distinct = std::set<std::string_view>(prompts.begin(), prompts.end()).size();
  write_store(out, {.kind = "captions",
                    .provenance = {{"tool", "fgm data prompts"},
                                   {"version", version()},
                                   {"commit", version_commit()},
                                   {"from", from},
                                   {"column", column},
                                   {"left_out", list.num_bad}},
                    .prompts = prompts});
  if (invocation.is_json) {
    print_json({{"out", out}, {"written", prompts.size()}, {"distinct", num_distinct}, {"left_out", list.num_bad}});
  } else {
    print_out(fmt::format("{}: {} prompts written, {} of them distinct; bad lines left out: {}\n", out, prompts.size(),
                          num_distinct, list.num_bad));
  }
  return kExitDone;
}

}  // namespace

Command data_prompts_command() {
  return {.name = "data prompts",
          .help = "writes a list of prompts into a store without images",
          .run = import_prompts,
          .flags = {required_flag("from", "FILE", "the list: .txt, .jsonl, .json, .csv, .tsv, or a store"),
                    {"column", "NAME", "of the prompts; without it prompt, caption or text, whichever there is first"},
                    {"max-bad", "N", "lines that may be unusable, each of them named; 10 unless given"},
                    required_flag("out", "FILE", "the store to write")}};
}

}  // namespace fgm
