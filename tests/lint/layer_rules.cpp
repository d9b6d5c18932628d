#include "tests/lint/layer_rules.h"

#include <algorithm>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <sstream>

namespace fgm::lint {
namespace {

using Rooms = std::set<std::string>;

// What each room may include besides itself. "core/*" stands for every room of core.
const std::map<std::string, Rooms> kMayInclude = {
    {"core/base", {}},
    {"core/config", {"core/base"}},
    {"core/io", {"core/base"}},
    {"core/nn", {"core/base"}},
    {"core/models", {"core/base", "core/config", "core/io", "core/nn"}},
    {"core/formats", {"core/base", "core/config", "core/io", "core/models", "core/nn"}},
    {"core/train", {"core/base", "core/config", "core/nn"}},
    {"core/flow", {"core/base", "core/config", "core/nn"}},
    {"core/methods", {"core/base", "core/config", "core/flow", "core/nn", "core/train"}},
    {"core/eval", {"core/base", "core/config", "core/io", "core/nn"}},

    {"parallel/comm", {"core/*"}},
    {"parallel/trace", {"core/*", "parallel/comm"}},
    {"parallel/mesh", {"core/*", "parallel/comm"}},
    {"parallel/fsdp", {"core/*", "parallel/comm", "parallel/mesh"}},
    {"parallel/optim", {"core/*", "parallel/comm", "parallel/mesh", "parallel/fsdp"}},

    {"data/hdf5", {"core/*"}},
    {"data/text", {"core/*"}},
    {"data/sampler", {"core/*"}},
    {"data/store", {"core/*", "data/hdf5"}},
    {"data/pipeline", {"core/*", "data/hdf5", "data/store", "data/sampler", "data/text"}},
    {"data/import", {"core/*", "data/hdf5", "data/store", "data/text"}},

    {"launch/runtime", {"core/*", "parallel/*", "data/*"}},
    {"launch/checkpoint", {"core/*", "parallel/*", "data/*", "launch/runtime"}},
    {"launch/weights", {"core/*", "parallel/*", "data/*", "launch/runtime", "launch/checkpoint"}},
    {"launch/text", {"core/*", "parallel/*", "data/*", "launch/runtime", "launch/weights"}},
    {"launch/sampling", {"core/*", "parallel/*", "data/*", "launch/runtime", "launch/weights", "launch/text"}},
    {"launch/inspect", {"core/*", "parallel/*", "data/*", "launch/runtime", "launch/checkpoint", "launch/weights"}},
    {"launch/report", {"core/*", "parallel/*", "data/*", "launch/runtime", "launch/inspect"}},
    {"launch/coordinator", {"core/*", "parallel/*", "data/*", "launch/runtime", "launch/checkpoint"}},
    {"launch/job",
     {"core/*", "parallel/*", "data/*", "launch/runtime", "launch/checkpoint", "launch/weights", "launch/text",
      "launch/sampling", "launch/coordinator"}},
    {"launch/cli",
     {"core/*", "parallel/*", "data/*", "launch/runtime", "launch/checkpoint", "launch/weights", "launch/text",
      "launch/sampling", "launch/inspect", "launch/report", "launch/job"}},
};

// Rooms that "core/*" does not stand for outside core and launch: parallel and data know no model and no method.
const Rooms kForLaunchOnly = {"core/models", "core/formats", "core/methods"};

struct ThirdParty {
  std::string name;
  std::regex header;
  std::regex where;  // files that may include it
};

const std::string kMovesTensors = R"(parallel/.*\.cpp|parallel/comm/internal/.*)";

const std::vector<ThirdParty> kThirdParty = {
    {"MPI", std::regex(R"(mpi(-ext)?\.h)"), std::regex(kMovesTensors)},
    {"CUDA and NCCL", std::regex(R"(nccl\w*\.h|nv\w+\.h|cu[a-z]\w*\.h|(ATen|c10|torch/csrc)/cuda/.*)"),
     std::regex(kMovesTensors)},
    {"HDF5", std::regex(R"(hdf5(_hl)?\.h|H5\w+\.h)"), std::regex("data/hdf5/.*")},
    {"Boost.Program_options", std::regex(R"(boost/program_options(/.*|\.hpp))"), std::regex("launch/cli/.*")},
    {"libpng", std::regex(R"(png\w*\.h)"), std::regex("(core/io|data/import)/.*")},
    {"libarchive", std::regex(R"(archive(_entry)?\.h)"), std::regex(R"(data/import/archive\.cpp)")},
    {"zlib", std::regex(R"(zlib\.h)"), std::regex(R"(core/io/(npz|zip)\.cpp|data/import/.*)")},
    {"TorchScript", std::regex(R"(torch/(script\.h|csrc/jit/.*))"), std::regex(R"(core/eval/torchscript_space\.cpp)")},
    {"libjpeg", std::regex(R"(j(peglib|error|config|morecfg)\.h|turbojpeg\.h)"), std::regex("data/import/.*")},
    {"Little CMS", std::regex(R"(lcms2\w*\.h)"), std::regex("data/import/.*")},
    {"xxHash", std::regex(R"(xxh(ash|3)\.h)"), std::regex("core/base/.*")},
    {"ICU", std::regex(R"(unicode/\w+\.h)"), std::regex(R"(core/base/text\.cpp|data/text/.*)")},
    {"sentencepiece", std::regex(R"(sentencepiece\w*\.h)"), std::regex(R"(data/text/t5_tokenizer\.cpp)")},
    {"PyTorch's zip reader", std::regex(R"(caffe2/serialize/.*)"), std::regex(R"(core/io/torch_file\.cpp)")},
    {"LibTorch", std::regex(R"((ATen|c10|torch/csrc)/.*)"), std::regex(".*")},
    {"fmt, spdlog and nlohmann-json", std::regex(R"((fmt|spdlog|nlohmann)/.*)"), std::regex(".*")},
    {"the system",
     std::regex(R"((sys|arpa|netinet|linux|net)/.*|[a-z0-9]*intrin\.h|(unistd|fcntl|glob|signal|poll|pthread|)"
                R"(sched|malloc|dirent|dlfcn|execinfo|netdb|termios|endian|syscall)\.h)"),
     std::regex(".*")},
};

constexpr std::string_view kEnvironmentFile = "launch/runtime/environment.cpp";

// "core/base/log.h" -> "core/base"; a file that lies in no room keeps its folder's name.
std::string room_of(const std::string& path) {
  const auto area_end = path.find('/');
  return path.substr(0, path.find('/', area_end == std::string::npos ? area_end : area_end + 1));
}

std::string area_of(const std::string& room) {
  return room.substr(0, room.find('/'));
}

bool may_include(const std::string& from, const std::string& to) {
  const auto& allowed = kMayInclude.at(from);
  if (from == to || allowed.contains(to)) return true;
  if (!allowed.contains(area_of(to) + "/*")) return false;
  return area_of(from) == "launch" || !kForLaunchOnly.contains(to);
}

std::optional<std::string> judge_ours(const std::string& path, const std::string& header) {
  const auto from = room_of(path), to = room_of(header);
  if (!kMayInclude.contains(to)) {
    return "\"" + header + "\" is in no known room; include our headers by their full path from the root, and " +
           "give a new room its line in tests/lint/layer_rules.cpp";
  }
  if (may_include(from, to)) return std::nullopt;
  return from + " may not know " + to + " (\"" + header + "\")";
}

std::optional<std::string> judge_third_party(const std::string& path, const std::string& header) {
  const bool is_standard_cpp = header.find_first_of("./") == std::string::npos;
  if (is_standard_cpp) return std::nullopt;
  for (const auto& party : kThirdParty) {
    if (!std::regex_match(header, party.header)) continue;
    if (std::regex_match(path, party.where)) return std::nullopt;
    return party.name + " (<" + header + ">) may not be included here";
  }
  return "<" + header + "> is of no known library; if fgm shall depend on it, give it a line in " +
         "tests/lint/layer_rules.cpp";
}

std::optional<std::string> judge_line(const std::string& path, const std::string& line) {
  static const std::regex ours(R"re(\s*#\s*include\s*"([^"]+)".*)re");
  static const std::regex theirs(R"re(\s*#\s*include\s*<([^>]+)>.*)re");
  static const std::regex reads_environment(R"re((^|[^\w])(secure_)?getenv\s*\(.*)re");
  std::smatch match;
  if (std::regex_match(line, match, ours)) return judge_ours(path, match[1]);
  if (std::regex_match(line, match, theirs)) return judge_third_party(path, match[1]);
  const auto code = line.substr(0, line.find("//"));
  if (path != kEnvironmentFile && std::regex_search(code, reads_environment)) {
    return "getenv is called in " + std::string(kEnvironmentFile) + " only";
  }
  return std::nullopt;
}

}  // namespace

std::vector<Violation> find_violations(const std::string& path, std::string_view text) {
  if (!kMayInclude.contains(room_of(path))) {
    return {{path + ":1", room_of(path) + " is no known room; give it a line in tests/lint/layer_rules.cpp"}};
  }
  std::vector<Violation> violations;
  std::istringstream lines{std::string(text)};
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (auto rule = judge_line(path, line)) violations.push_back({path + ":" + std::to_string(number), *rule});
  }
  return violations;
}

std::vector<std::string> list_sources(const std::filesystem::path& root) {
  static const std::set<std::string> kSuffixes = {".h", ".hpp", ".cuh", ".inc", ".c", ".cc", ".cpp", ".cu"};
  std::vector<std::string> sources;
  for (const auto* area : {"core", "parallel", "data", "launch"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / area)) {
      if (!kSuffixes.contains(entry.path().extension())) continue;
      sources.push_back(std::filesystem::relative(entry.path(), root).generic_string());
    }
  }
  std::sort(sources.begin(), sources.end());
  return sources;
}

}  // namespace fgm::lint
