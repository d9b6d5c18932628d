#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace fgm {

// One "section.key = value" and the place it was written at: "run.cfg:12", or "" for a command line.
struct Setting {
  std::string key;
  std::string value;
  std::string place;
};

// Reads INI text: "[section]" lines, "key = value" lines, and comments from '#' to the end of the line. A key
// in [optimizer] gets the prefix "optimizer."; before the first section the full key is written out.
// ConfigError naming place and key: a line that is neither, a key that is there twice. `name` is the file's,
// for places. A line ends in \n, \r\n or \r; `text` is UTF-8.
std::vector<Setting> parse_ini(std::string_view text, const std::string& name);

// The same from a file, with or without a byte order mark; IoError when it cannot be read or is not UTF-8
// (decode_text). Names in it keep their bytes: a file system tells the normal forms apart.
std::vector<Setting> read_ini(const std::filesystem::path& path);

}  // namespace fgm
