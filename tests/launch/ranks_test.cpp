// The main job on several ranks, through the built program and mpirun.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <regex>

#include "data/store/store.h"
#include "tests/support/small_job.h"

namespace fgm {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<int64_t> all_of(const Store& store) {
  std::vector<int64_t> indices(static_cast<size_t>(store.size()));
  std::iota(indices.begin(), indices.end(), 0);
  return indices;
}

class Ranks : public SmallJob {
 protected:
  // What `command` writes on so many ranks, two records for each held-out caption: 52 in batches of 7, so the last
  // round leaves one of three ranks without a batch, and the last batch is short.
  static Store store_of(int ranks, const fs::path& here, const std::string& command) {
    const auto written =
        run(ranks, here,
            command +
                " --steps 2 --sample.guidance 2 --sample.batch 7 --sample.per_prompt 2 --run.threads 1 "
                "--sample.out written.h5 --sample.weights " +
                path("teacher") + " --sample.prompts " + path("held_out.h5"));
    EXPECT_EQ(written.code, kExitDone) << written.text;
    Store store(here / "written.h5");
    EXPECT_EQ(store.size(), 52);
    return store;
  }
};

// The lines that were printed, without the number of the rank that printed them and without what libevent says in mpirun,
// now and then, of the pipe of a rank that has gone.
std::vector<std::string> messages(const Outcome& outcome) {
  std::istringstream lines(outcome.text);
  std::vector<std::string> messages;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("[warn] Epoll ")) {
      continue;
    }
    messages.push_back(std::regex_replace(line, std::regex(R"(^fgm: \[rank \d+\] )"), "fgm: "));
  }
  return messages;
}

TEST_F(Ranks, TwoRunTheMainJobWithTheirNetworksSharded) {
  const auto here = place("main_job");
  const auto trained = run(2, here, train_arguments("--steps 3 --run.sample_every 3"));
  ASSERT_EQ(trained.code, kExitDone) << trained.text;
  EXPECT_TRUE(fs::exists(here / "run/DONE"));
  EXPECT_TRUE(fs::exists(here / "run/samples/step-00000003.png"));
  EXPECT_EQ(metrics(here / "run").size(), 3u) << "one line a step, not one a rank";
  const auto files = tensors_of_step(here / "run", 3);
  for (const char* role : {"teacher", "teacher_ema", "teacher_optim"}) {
    ASSERT_TRUE(files.contains(fmt::format("{}-00000-of-00002.safetensors", role)));
    ASSERT_TRUE(files.contains(fmt::format("{}-00001-of-00002.safetensors", role)));
  }

  const auto distilled =
      run(2, place("main_job/student"), distill_arguments("--steps 2 --teacher.weights " + (here / "run").string()));
  ASSERT_EQ(distilled.code, kExitDone) << distilled.text;
  const auto drawn = run(2, here,
                         "sample --sample.weights student/run --steps 1 --sample.guidance 1 --sample.prompts " +
                             path("held_out.h5") + " --sample.out student.h5");
  ASSERT_EQ(drawn.code, kExitDone) << drawn.text;
  EXPECT_EQ(Store(here / "student.h5").size(), 26);
}

TEST_F(Ranks, WhatNoMachineCanHoldIsRefusedBeforeItIsAllocatedNamingItsKey) {
  const auto here = place("too_much");
  const std::string draw = "sample --sample.weights " + path("teacher") + " --sample.prompts " + path("held_out.h5") +
                           " --sample.out drawn.h5 --steps 1 --run.threads 1";
  const std::map<std::string, std::string> commands = {
      {"train.batch = 1000000000000", train_arguments("--steps 1 --train.batch 1000000000000")},
      {"model.depth = 1000000000000", train_arguments("--steps 1 --model.depth 1000000000000")},
      {"method.batch = 1000000000000", distill_arguments("--steps 1 --method.batch 1000000000000")},
      {"sample.batch = 1000000000000", draw + " --sample.batch 1000000000000"},
      {"sample.per_prompt = 1000000000000", draw + " --sample.per_prompt 1000000000000"}};
  for (const auto& [key, command] : commands) {
    const auto refused = shell("cd " + here.string() + " && " FGM_BINARY " " + command);
    EXPECT_EQ(refused.code, kExitConfig) << key;
    EXPECT_THAT(refused.text, testing::AllOf(HasSubstr("\nfgm: " + key + " needs at least"),
                                             HasSubstr("give less, or more memory\n")));
  }
}

TEST_F(Ranks, OneToFourAndEveryMeshOfThemGiveTheSameLossesUpToRounding) {
  const auto steps_of = [](const std::string& name, int ranks, const std::string& more) {
    const auto here = place(name);
    const auto distilled = run(ranks, here, distill_arguments("--steps 3 " + more));
    EXPECT_EQ(distilled.code, kExitDone) << distilled.text;
    return numbers(here / "run");
  };
  const auto alone = steps_of("world_1", 1, "");
  ASSERT_EQ(alone.size(), 3u);
  ASSERT_NE(alone[0].at("loss.student"), alone[2].at("loss.student"));
  const std::map<std::string, std::vector<std::map<std::string, double>>> others = {
      {"2 ranks", steps_of("world_2", 2, "")},
      {"3 ranks", steps_of("world_3", 3, "")},
      {"4 ranks", steps_of("world_4", 4, "")},
      {"4 replicas", steps_of("replicas", 4, "--mesh.shard 1")},
      {"2 replicas of 2 shards, a whole teacher",
       steps_of("mixed", 4, "--mesh.shard 2 --teacher.replicate true --parallel.recompute true")}};
  EXPECT_EQ(tensors_of_step(path("replicas") + "/run", 3).count("student-00000-of-00001.safetensors"), 1u);
  for (const auto& [name, steps] : others) {
    ASSERT_EQ(steps.size(), 3u) << name;
    for (size_t step = 0; step < 3; ++step) {
      for (const char* key : {"loss.student", "loss.estimator", "l1", "grad_norm.student", "grad_norm.estimator"}) {
        // Batches of another size run other kernels, and sums have another order: float32 rounding, which three steps
        // of Adam enlarge.
        const double expected = alone[step].at(key);
        EXPECT_NEAR(steps[step].at(key), expected, 1e-4 * std::abs(expected)) << key << " on " << name;
      }
    }
  }
}

TEST_F(Ranks, TheSameSeedGivesTheSameBitsAgain) {
  const auto a = place("seed/a"), b = place("seed/b"), other = place("seed/other");
  ASSERT_EQ(run(2, a, distill_arguments("--steps 3")).code, kExitDone);
  ASSERT_EQ(run(2, b, distill_arguments("--steps 3")).code, kExitDone);
  ASSERT_EQ(run(2, other, distill_arguments("--steps 3 --seed 2")).code, kExitDone);
  ASSERT_NE(numbers(a / "run"), numbers(other / "run"));
  EXPECT_EQ(numbers(a / "run"), numbers(b / "run"));
  const auto files = tensors_of_step(a / "run", 3);
  ASSERT_EQ(files.size(), 12u) << "six roles on two ranks";
  EXPECT_TRUE(files == tensors_of_step(b / "run", 3));
}

TEST_F(Ranks, AnyNumberOfThemWritesTheSamePairs) {
  const auto here = place("pairs");
  std::optional<Store::Pairs> expected;
  for (const int ranks : {1, 3}) {
    const Store store = store_of(ranks, here, "pairs");
    EXPECT_EQ(store.provenance()["guidance"], 2.0);
    EXPECT_EQ(store.provenance()["teacher_xxh128"].get<std::string>().size(), 32u);
    const auto pairs = store.pairs(all_of(store));
    if (!expected) expected = pairs;
    ASSERT_GT(pairs.samples.std().item<float>(), 0.1f) << "blank samples prove nothing";
    EXPECT_TRUE(at::equal(pairs.noise, expected->noise)) << ranks;
    EXPECT_TRUE(at::equal(pairs.samples, expected->samples)) << ranks;
  }
}

// What follows the header of a safetensors file, which holds the run's config.
std::string_view tensor_data(std::string_view file) {
  uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, file.data(), sizeof(header_bytes));
  return file.substr(sizeof(header_bytes) + header_bytes);
}

TEST_F(Ranks, ScoresOfARunChangeNothingInIt) {
  const auto plain = place("scores/plain"), scored = place("scores/scored");
  const std::string reference = " --run.eval_reference " + path("held_out.h5");
  const std::string arguments = distill_arguments("--steps 4 --student.ema 0.9,0.99");
  ASSERT_EQ(run(2, plain, arguments).code, kExitDone);
  const auto outcome = run(2, scored, arguments + " --run.eval_every 2" + reference);
  ASSERT_EQ(outcome.code, kExitDone) << outcome.text;
  for (const auto& line : metrics(scored / "run")) {
    const bool is_scored = line["step"].get<int>() % 2 == 0;
    EXPECT_EQ(line.contains("score.frechet"), is_scored) << line;
    EXPECT_EQ(line.contains("score.overall"), is_scored) << line;
    EXPECT_EQ(line.contains("score.frechet_0.99"), is_scored) << line;
  }
  EXPECT_EQ(numbers(plain / "run"), numbers(scored / "run"));
  const auto with_scores = tensors_of_step(scored / "run", 4);
  for (const auto& [name, bytes] : tensors_of_step(plain / "run", 4)) {
    EXPECT_TRUE(tensor_data(bytes) == tensor_data(with_scores.at(name))) << name;
  }
}

TEST_F(Ranks, AnyNumberOfThemDrawsTheSameImages) {
  const auto here = place("samples");
  at::Tensor expected;
  for (const int ranks : {1, 3, 4}) {
    const Store store = store_of(ranks, here, "sample");
    const auto images = store.images(all_of(store));
    if (!expected.defined()) expected = images;
    ASSERT_GT(images.to(at::kFloat).std().item<float>(), 1.0f) << "blank images prove nothing";
    EXPECT_TRUE(at::equal(images, expected)) << ranks;
  }
}

TEST_F(Ranks, AnErrorOfAllOfThemIsOneMessage) {
  const auto here = place("errors");
  const auto key = run(3, here, train_arguments("--train.stepz 3"));
  EXPECT_EQ(key.code, kExitConfig);
  EXPECT_THAT(messages(key), ElementsAre("fgm: unknown key 'train.stepz'; did you mean 'train.steps'?"));
  const auto mesh = run(3, here, train_arguments("--mesh.shard 2"));
  EXPECT_EQ(mesh.code, kExitConfig);
  EXPECT_THAT(messages(mesh), ElementsAre(HasSubstr("mesh.shard = 2 does not divide the 3 ranks of this job")));
  const auto batch = run(3, here, train_arguments("--train.batch 2 --steps 1"));
  EXPECT_THAT(batch.text, HasSubstr("leaves some of the 3 ranks without a sample"));
  EXPECT_EQ(batch.code, kExitConfig);
}

TEST_F(Ranks, OfAHostThatFailAlikeLeaveInAnyOrderAndTheFirstOfThemSpeaks) {
  const auto here = place("said");
  const auto as_rank = [&](int rank, const std::string& bad_flag) {
    return shell(
        fmt::format("cd {0} && OMPI_COMM_WORLD_SIZE=3 OMPI_COMM_WORLD_RANK={1} PMIX_NAMESPACE=job PMIX_RANK={1} "
                    "PMIX_SERVER_TMPDIR={0} " FGM_BINARY " train {2} 3",
                    here.string(), rank, bad_flag));
  };
  EXPECT_EQ(as_rank(2, "--train.stepz").text, "fgm: [rank 2] unknown key 'train.stepz'; did you mean 'train.steps'?\n");
  const auto same = as_rank(0, "--train.stepz");
  EXPECT_EQ(same.text, "");
  EXPECT_EQ(same.code, kExitConfig);
  EXPECT_THAT(as_rank(1, "--train.batchz").text, HasSubstr("fgm: [rank 1] unknown key 'train.batchz'"));
}

TEST_F(Ranks, AnErrorOfOneOfThemNamesIt) {
  const auto here = place("one_error");
  const std::string good = train_arguments("--steps 1"), bad = train_arguments("--steps zero");
  const auto outcome = run(1, here, good + " : -n 1 " FGM_BINARY " " + bad);
  EXPECT_EQ(outcome.code, kExitConfig);
  EXPECT_THAT(outcome.text, HasSubstr("fgm: [rank 1] train.steps = 'zero'"));
}

TEST_F(Ranks, OfDifferentConfigsAreRefused) {
  const auto here = place("different_configs");
  const auto mixed = [&](const std::string& first, const std::string& second) {
    return run(1, here, train_arguments(first) + " : -n 1 " FGM_BINARY " " + train_arguments(second)).text;
  };
  EXPECT_EQ(mixed("--steps 2", "--steps 2 --run.save_every 1"),
            "fgm: rank 1 has 'save_every = 1' where rank 0 has 'save_every = 500'; give all ranks the same command and "
            "files\n");
  EXPECT_THAT(mixed("--seed 1", "--seed 2"), HasSubstr("rank 1 has 'seed = 2' where rank 0 has 'seed = 1'"));
  EXPECT_FALSE(fs::exists(here / "run"));
}

TEST_F(Ranks, ThatFindOtherFilesAtAPathAreRefused) {
  const auto here = place("different_files");
  fs::create_directories(here / "other");
  const auto mixed = [&](const std::string& arguments) {
    return run(1, here, arguments + " : -n 1 -wdir " + (here / "other").string() + " " FGM_BINARY " " + arguments).text;
  };
  fs::copy_file(path("shapes.h5"), here / "data.h5");
  fs::copy_file(path("held_out.h5"), here / "other/data.h5");
  EXPECT_THAT(mixed(train_arguments("--steps 1 --data.store data.h5")),
              HasSubstr("rank 1 has 'digest of data.store = "));
  EXPECT_THAT(mixed(distill_arguments("--steps 1 --data.store data.h5")),
              HasSubstr("rank 1 has 'digest of data.store"));
}

TEST_F(Ranks, WhatRunsAsOneProcessRefusesThem) {
  for (const std::string command : {"eval", "data shapes --out s.h5 --held-out h.h5", "inspect x"}) {
    const auto refused = run(2, place("refused"), command);
    EXPECT_EQ(refused.code, kExitConfig);
    EXPECT_THAT(messages(refused), ElementsAre(HasSubstr("runs as one process, and 2 were started")));
  }
}

// What launchers tell the processes that they start, where MPI sees each alone.
const std::map<std::string, std::string> kLonelyLaunchers = {
    {"SLURM_STEP_NUM_TASKS", "SLURM_JOB_ID=7 SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=2 SLURM_PROCID=0 "},
    {"PMI_SIZE", "PMI_SIZE=2 PMI_RANK=0 "},
    {"WORLD_SIZE", "WORLD_SIZE=2 RANK=0 LOCAL_RANK=0 "}};

TEST_F(Ranks, ProcessesThatDoNotKnowOfEachOtherAreRefused) {
  const std::string there = "cd " + place("lonely").string() + " && ",
                    job = FGM_BINARY " " + train_arguments("--steps 1");
  for (const auto& [name, variables] : kLonelyLaunchers) {
    const auto refused = shell(there + variables + job);
    EXPECT_EQ(refused.code, kExitConfig);
    EXPECT_THAT(refused.text, testing::MatchesRegex("fgm: " + name + " = 2 says .*\\(srun --mpi=pmix\\).*'env -u " +
                                                    name + " fgm \\.\\.\\.'\n"));
    const auto alone = shell(there + variables + "env -u " + name + " " + job);
    EXPECT_EQ(alone.code, kExitDone) << alone.text;
    fs::remove_all(place("lonely") / "run");
  }
}

TEST_F(Ranks, CommandsThatAreNoJobRunInAShellOfALauncher) {
  const auto runs = [&](const std::string& launcher, const std::string& command) {
    const std::string there = "cd " + place("shell").string() + " && " + kLonelyLaunchers.at(launcher);
    const auto outcome = shell(there + FGM_BINARY " " + command);
    EXPECT_EQ(outcome.code, kExitDone) << launcher << ", " << command << ": " << outcome.text;
  };
  for (const auto& [name, variables] : kLonelyLaunchers) runs(name, "inspect " + path("teacher"));
  runs("PMI_SIZE", "data shapes --shapes.count 4 --shapes.held_out_count 2 --out s.h5 --held-out h.h5");
  runs("PMI_SIZE", "train --print-config");
}

// There the variables of a rank would make MPI wait for the others.
TEST_F(Ranks, AShellOfSrunWithPmixIsNoRank) {
  std::ofstream(place("pty") / "commands")
      << "export SLURM_STEP_ID=0 SLURM_PROCID=0 PMIX_NAMESPACE=slurm.pmix.7.0 PMIX_RANK=0\n"
      << "SLURM_STEP_NUM_TASKS=2 " FGM_BINARY " " << train_arguments("--steps 1") << "; echo code $?\n"
      << FGM_BINARY " " << train_arguments("--steps 1") << "; echo code $?\n";
  const auto outcome =
      shell("cd " + place("pty").string() + " && script -qec 'bash --norc -i commands' /dev/null </dev/null");
  EXPECT_THAT(outcome.text, HasSubstr("fgm: SLURM_STEP_NUM_TASKS = 2 says"));
  EXPECT_THAT(outcome.text, testing::ContainsRegex("code 2(.|\\n)*code 0")) << outcome.text;
}

TEST_F(Ranks, ASecondCommandInARankIsRefusedInOneLine) {
  const auto here = place("second");
  std::ofstream(here / "two.sh") << FGM_BINARY " " << train_arguments("--steps 1") << " || exit 1\n"
                                 << FGM_BINARY " " << train_arguments("--steps 2") << "\n";
  const auto outcome = shell(on_ranks(2, here, "two.sh", "bash"));
  EXPECT_EQ(outcome.code, kExitConfig);
  EXPECT_THAT(messages(outcome),
              testing::Contains(testing::StartsWith("fgm: an fgm command has run in this rank already")));
  EXPECT_THAT(outcome.text, testing::Not(HasSubstr("MPI_Init")));
  EXPECT_EQ(metrics(here / "run").size(), 1u);
}

// Runs `command` where reading another process's memory is forbidden, as a container's filter does it.
Outcome shell_without_process_vm_readv(const std::string& command, const fs::path& log) {
  const pid_t child = fork();
  if (child == 0) {
    std::array filter = {sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                         sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_readv, 0, 1),
                         sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
                         sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    const sock_fprog program = {filter.size(), filter.data()};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
      _exit(126);
    }
    execl("/bin/sh", "sh", "-c", ("exec >" + log.string() + " 2>&1; " + command).c_str(), nullptr);
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  std::ifstream file(log);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, std::string(std::istreambuf_iterator<char>(file), {})};
}

TEST_F(Ranks, ThatMayNotReadEachOthersMemoryRunWithoutAWordOfIt) {
  const auto here = place("no_process_vm");
  const std::string job = on_ranks(2, here, train_arguments("--steps 2"));
  const auto outcome = shell_without_process_vm_readv(job, here / "log");
  EXPECT_EQ(outcome.code, kExitDone) << outcome.text;
  EXPECT_THAT(outcome.text, testing::Not(HasSubstr("Read -1")));
  const auto users_own = shell_without_process_vm_readv(
      "export OMPI_MCA_btl_vader_single_copy_mechanism=cma; rm -r " + (here / "run").string() + "; " + job,
      here / "log");
  EXPECT_THAT(users_own.text, HasSubstr("Read -1")) << "the user's own setting wins, or this filter proves nothing";
}

TEST_F(Ranks, ClosedStandardDescriptorsLetNoLogIntoTheRunsFiles) {
  const auto here = place("closed");
  const auto outcome =
      shell("cd " + here.string() + " && " FGM_BINARY " " + train_arguments("--steps 2") + " <&- >&- 2>&-");
  EXPECT_EQ(outcome.code, kExitDone);
  EXPECT_EQ(metrics(here / "run").size(), 2u);
  size_t num_files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(here)) {
    if (!entry.is_regular_file()) continue;
    ++num_files;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(file), {});
    EXPECT_EQ(bytes.find(" rank(s)"), std::string::npos) << entry.path();
  }
  EXPECT_GT(num_files, 5u);
}

}  // namespace
}  // namespace fgm
