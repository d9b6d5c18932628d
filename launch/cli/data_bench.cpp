#include <optional>

#include "core/base/error.h"
#include "data/pipeline/store_bench.h"
#include "launch/cli/commands.h"
#include "launch/cli/output.h"

namespace fgm {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kRecords = 3000;
constexpr std::array kPasses = {"first", "again"};

Json pass_json(const StoreBench& bench, size_t pass) {
  Json json = Json::object();
  for (size_t way = 0; way < StoreBench::kWays.size(); ++way) {
    const auto& rate = bench.passes[pass][way];
    json[std::string(StoreBench::kWays[way])] = {{"mb_per_s", bench.mb_per_s(rate)},
                                                 {"records_per_s", static_cast<double>(rate.records) / rate.seconds}};
  }
  return json;
}

std::string pass_text(const Json& json, std::string_view name) {
  std::string text = fmt::format("  {}:\n", name);
  for (const auto& [way, rate] : json.items()) {
    text += fmt::format("    {:<10} {:>9.1f} MB/s {:>11.1f} records/s\n", way, rate["mb_per_s"].get<double>(),
                        rate["records_per_s"].get<double>());
  }
  return text;
}

int bench_data(const Invocation& invocation) {
  const std::string path = invocation.arguments[0];
  const int64_t records = invocation.flags.whole_number("records", kRecords);
  require<ConfigError>(records >= std::ssize(StoreBench::kWays), "--records = {} is less than {}, one for each way",
                       records, StoreBench::kWays.size());
  const int64_t per_second = invocation.flags.whole_number("per-second", 1);
  require<ConfigError>(per_second >= 1, "--per-second = {} is less than 1", per_second);
  std::optional<double> waiting;  // before the passes bring the records into the page cache
  if (invocation.flags.has("per-second")) waiting = waiting_share(path, per_second, records);
  const auto bench = bench_store(path, records);
  Json json = {{"format", "store bench"},
               {"path", path},
               {"kind", bench.kind},
               {"record_bytes", bench.record_bytes},
               {"records", bench.records}};
  std::string text = fmt::format("{}: {} of {}, {} bytes each\n", path, bench.records, bench.kind, bench.record_bytes);
  for (size_t pass = 0; pass < kPasses.size(); ++pass) {
    json[kPasses[pass]] = pass_json(bench, pass);
    text += pass_text(json[kPasses[pass]], kPasses[pass]);
  }
  if (waiting) {
    json["waiting_share"] = *waiting;
    text += fmt::format("  a training that takes {} records a second waits for {:.2f} % of its time\n", per_second,
                        100 * *waiting);
  }
  invocation.is_json ? print_json(json) : print_out(text);
  return kExitDone;
}

}  // namespace

Command data_bench_command() {
  return {.name = "data bench",
          .help = "reads records of a store as training does, and beside it with plain pread, and says how fast",
          .run = bench_data,
          .flags = {{"records", "N", "how many, in the order of training; 3000 unless given"},
                    {"per-second", "N", "also says how long a training waits that takes N records a second"}},
          .argument = "FILE"};
}

}  // namespace fgm
