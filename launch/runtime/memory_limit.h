#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace fgm {

// What the processes of this host can hold together at most.
struct MemoryLimit {
  double bytes;
  std::string of;  // "this machine's memory and swap"
};

// The machine's memory or a control group's limit (docker --memory, Kubernetes, Slurm), the smaller, and all of the
// swap; infinite where /proc cannot be read. `root` stands for "/".
MemoryLimit memory_limit(const std::filesystem::path& root = "/");

// A part of what a command holds all at once, and the setting that it grows with.
struct MemoryNeed {
  std::string key;    // "train.batch"
  std::string value;  // "128"
  double bytes;       // of all ranks of this host, at least
};

// Returns unless `needs` together are more than `limit`, which no machine could run: ConfigError naming the largest.
void require_memory(const std::vector<MemoryNeed>& needs, const MemoryLimit& limit = memory_limit());

// A number of /proc/meminfo ("MemTotal") in bytes; -1 when it is not there.
double meminfo(const std::string& name, const std::filesystem::path& root = "/");

}  // namespace fgm
