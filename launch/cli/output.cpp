#include "launch/cli/output.h"

#include <cerrno>
#include <cstdio>

#include "core/base/error.h"

namespace fgm {

void print_out(std::string_view text) {
  const bool is_written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (!is_written && errno != EPIPE) throw IoError("standard output cannot be written", last_error());
}

void print_json(const nlohmann::ordered_json& json) {
  constexpr bool kKeepUnicode = false;
  print_out(json.dump(2, ' ', kKeepUnicode, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace fgm
