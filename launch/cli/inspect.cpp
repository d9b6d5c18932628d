#include <fstream>

#include "core/base/error.h"
#include "launch/cli/commands.h"
#include "launch/cli/inspect_report.h"
#include "launch/cli/output.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

bool is_hdf5(const fs::path& path) {
  constexpr std::string_view kSignature = "\x89HDF\r\n\x1a\n";
  std::string first_bytes(kSignature.size(), '\0');
  std::ifstream(path, std::ios::binary).read(first_bytes.data(), static_cast<std::streamsize>(first_bytes.size()));
  return first_bytes == kSignature;
}

int inspect(const Invocation& invocation) {
  const fs::path path = invocation.argument;
  require<IoError>(fs::exists(path), "'{}' does not exist", path.string());
  require<IoError>(fs::is_regular_file(path), "'{}' is not a file; name a safetensors file or a store", path.string());
  const bool is_store = is_hdf5(path);
  const auto report = is_store ? inspect_store(path) : inspect_weights(path);
  if (invocation.is_json) {
    print_json(report);
  } else {
    print_out(is_store ? store_text(report) : weights_text(report));
  }
  return kExitDone;
}

}  // namespace

Command inspect_command() {
  return {.name = "inspect",
          .help = "lists the tensors of a safetensors file, or what a store holds",
          .run = inspect,
          .argument = "FILE"};
}

}  // namespace fgm
