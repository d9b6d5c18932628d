#include "launch/coordinator/snapshot_writer.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "core/base/error.h"
#include "core/io/atomic_file.h"
#include "launch/checkpoint/checkpoints_folder.h"
#include "launch/coordinator/shard_files.h"
#include "parallel/comm/control_collectives.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw_write_error(folder, "mkdir", error);
}

}  // namespace

SnapshotWriter::SnapshotWriter(Communicator& control, fs::path checkpoints, int64_t keep, RunOwner& owner)
    : control_(control), checkpoints_(std::move(checkpoints)), keep_(keep), owner_(owner) {}

void SnapshotWriter::write(StateSnapshot snapshot) {
  Manifest& manifest = snapshot.manifest;
  manifest.nonce = broadcast_string(control_, is_first() ? draw_nonce() : "");
  const fs::path temporary = checkpoints_ / fmt::format(".tmp-{}-{}", manifest.step, manifest.nonce);
  try {
    write_folder(temporary, snapshot);
    vote([&] {
      if (is_first()) put_in_place(temporary, manifest.step);
    });
  } catch (...) {
    std::error_code ignored;
    if (is_first() && fs::exists(temporary, ignored)) remove_folder(temporary);
    throw;
  }
}

// A start that takes the run over clears away what this one is writing: all ranks must learn of that, and not of the
// file that one of them misses.
void SnapshotWriter::vote(const std::function<void()>& body) const {
  throw_on_all_ranks(control_, [&] {
    try {
      body();
    } catch (const std::exception&) {
      if (is_first()) owner_.require_held();
      throw;
    }
    if (is_first()) owner_.require_held();
  });
}

// After each vote() every rank has done its part; a rank that fails inside one fails all.
void SnapshotWriter::write_folder(const fs::path& temporary, const StateSnapshot& snapshot) {
  vote([&] {
    if (!is_first()) return;
    if (!owner_.has_taken()) owner_.take();
    make_folder(temporary);
  });
  std::string written;
  vote([&] { written = write_shards(temporary, snapshot.files); });
  Manifest manifest = snapshot.manifest;
  for (const auto& shards : all_gather_strings(control_, written)) add_shards(shards, manifest);
  vote([&] {
    if (!is_first()) return;
    const std::string text = to_json(manifest);
    parse_manifest(text, temporary / kManifestFile);  // what could not be read again is not published
    write_file(temporary / kManifestFile, text);
    write_file(temporary / kCommitFile, commit_text(text, manifest.nonce));
  });
}

void SnapshotWriter::put_in_place(const fs::path& temporary, int64_t step) {
  owner_.require_held();
  for (const auto& name : std::exchange(damaged_, {})) {
    if (fs::exists(checkpoints_ / name)) quarantine(checkpoints_ / name);
  }
  publish(temporary, checkpoints_, step);
  spdlog::info("saved step {} to {}", step, (checkpoints_ / step_folder_name(step)).string());
  owner_.require_held();
  remove_old_steps(checkpoints_, keep_);
}

}  // namespace fgm
