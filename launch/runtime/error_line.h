#pragma once

#include <filesystem>
#include <string>

namespace fgm {

// Prints a failing rank's message on stderr, "fgm: [rank 2] MESSAGE", unless another rank of this host has printed the
// same. On return the message stands on stderr, whoever has printed it, so that the caller may leave at once.
// `said` (Environment::said_file) holds what the ranks of this host have printed; "": this process is alone.
// `who` is "" or "[rank 2] ". Throws nothing.
void print_error_once(const std::filesystem::path& said, const std::string& who, const std::string& message);

}  // namespace fgm
