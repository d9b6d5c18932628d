#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <vector>

// RUN/checkpoints: names in it, and what one rank does with whole folders.
//
//   step-00000200/               a published checkpoint
//   .tmp-200-<nonce>/            being written, or left by a job that was killed
//   .old-step-00000200/          the folder of that step that a new one is about to replace
//   damaged-step-00000200/       a published one that was found damaged; the user's to remove
//   misnamed-step-00000200/      a folder that had this step's name and holds another step; the user's, too
//   OWNER                        which start of the run may change all this
//
// What has the name of a step and is none (the copy of another step, a name without its zeros, a file) is a stray: it
// is named and left alone, never chosen, removed or written over.
namespace fgm {

// Finds RUN/checkpoints for a run's folder and for RUN/checkpoints itself; nothing for another path.
std::optional<std::filesystem::path> checkpoints_in(const std::filesystem::path& run);

// A file in RUN/checkpoints that says which start of the run may change the folder.
inline constexpr const char* kOwnerFile = "OWNER";

// The names of all that lies in `folder`; those seen so far when there is an error.
std::set<std::string> names_in(const std::filesystem::path& folder, std::error_code& error);

// Whether `name` is that of one of the folders above, published or not.
bool is_checkpoint_name(const std::string& name);

// "step-00000200"
std::string step_folder_name(int64_t step);

// "student_ema-00000-of-00002.safetensors"
std::string shard_file_name(const std::string& role, int shard, int num_shards);

struct StepFolders {
  std::vector<int64_t> steps;       // published, damaged ones too, ascending
  std::vector<std::string> strays;  // names, sorted
};

// What `checkpoints` holds by the name of a step. Empty when it does not exist; Error with kExitCrash when it cannot be
// listed; ConfigError when it, or a step in it, is a link to what is not there.
StepFolders list_steps(const std::filesystem::path& checkpoints);
// The steps of list_steps(); errors as there.
std::vector<int64_t> saved_steps(const std::filesystem::path& checkpoints);

// Says that a folder with the name of a step has not the name of `step`, which it holds; nothing when all is well, and
// for a folder that its user has given a name of another kind.
std::optional<std::string> why_misnamed(const std::filesystem::path& folder, int64_t step);

// Why a path whose name begins as a step's does is a stray; nothing when it is none, is damaged, or cannot be read.
std::optional<std::string> why_stray(const std::filesystem::path& step);

// Logs a warning for each stray.
void warn_of_strays(const std::filesystem::path& checkpoints);

// Removes what killed jobs left in `checkpoints`. An .old- folder whose replacement never came gets its name back.
// Errors as in list_steps().
void clear_leftovers(const std::filesystem::path& checkpoints);

// Gives the finished folder `temporary` its published name, by one rename, and makes the names survive a crash. A
// folder of that step that is there already is replaced: the state being saved is the one that the run goes on from. A
// stray that has the name is renamed to misnamed-... IoError.
void publish(const std::filesystem::path& temporary, const std::filesystem::path& checkpoints, int64_t step);

// Renames a published folder that is damaged to damaged-..., so that no reader takes it for a checkpoint and no job
// removes it. IoError.
void quarantine(const std::filesystem::path& folder);

// Removes the steps before the `keep` newest complete ones; 0 keeps all. Complete means here: COMMIT, the manifest and
// the sizes of the files fit. Failures are warnings.
void remove_old_steps(const std::filesystem::path& checkpoints, int64_t keep);

// Removes one published or temporary folder, so that a kill half-way leaves nothing under a published name.
// A failure is a warning.
void remove_folder(const std::filesystem::path& folder);

}  // namespace fgm
