#!/usr/bin/env bash
# What slurm/distill.sbatch does when srun ends, with stand-ins for srun and scontrol; tests/launch/cluster has the real
# ones. Here are the cases that a real Slurm gives slowly or seldom.
set -euo pipefail
readonly root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
readonly work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
readonly output=$work/out
source "$root/tests/support/claims.sh"

make_clone() {
  mkdir -p "$work/bin" "$work/slurm" "$work/build/release"
  ln -s "$root/launch" "$work/launch"
  # ON_LAUNCH is what the ranks do.
  printf '%s\n' '#!/usr/bin/env bash' 'echo "srun $*" >>calls' 'eval "$ON_LAUNCH"' >"$work/bin/srun"
  printf '%s\n' '#!/usr/bin/env bash' 'echo "scontrol $*" >>calls' 'echo "JobState=COMPLETING Reason=$REASON Dependency="' \
    >"$work/bin/scontrol"
  printf '%s\n' '#!/bin/sh' >"$work/bin/fgm"
  chmod +x "$work"/bin/*
}

# job ON_LAUNCH [arguments]: runs the batch script on a new run folder or the one that is there; its code in $code.
start_job() {
  rm -f "$work/calls"
  cd "$work"
  PATH=$work/bin:$PATH SLURM_JOB_ID=7 SLURM_JOB_NUM_NODES=2 SLURM_JOB_NODELIST="n[1-2]" SLURM_NTASKS_PER_NODE=4 \
    REASON=${REASON-None} ON_LAUNCH=$1 bash "$root/slurm/distill.sbatch" "${@:2}" >"$output" 2>&1 &
  job=$!
}
finish() { code=0; wait "$job" || code=$?; }
job() { start_job "$1" x.cfg run --steps 5; finish; }
new_job() { rm -rf "$work/run"; job "$1"; }

exited_with() { [[ $code == "$1" ]]; }
called() { grep -qxF -- "$1" "$work/calls"; }
requeued() { called "scontrol requeue 7"; }
not_requeued() { [[ -e $work/calls ]] && ! requeued; }
is_up() { [[ -e $work/up ]]; }

test_codes() {
  new_job 'touch run/DONE'
  expect "a run that is done ends with 0" exited_with 0
  expect "and is not started again" not_requeued
  expect "srun was given the ranks" called "srun --mpi=pmix --kill-on-bad-exit=0 --wait=60 --cpu-bind=none --ntasks 8 \
--ntasks-per-node 4 fgm distill --config x.cfg --run run --resume auto --steps 5"
  new_job 'exit 0'
  expect "an exit code of 0 without DONE is no success" requeued
  for lost in 70 75 76 137 143; do
    new_job "exit $lost"
    expect "$lost is started again" requeued
    expect "$lost is handed on" exited_with $lost
  done
  for final in 2 93; do
    new_job "exit $final"
    expect "$final is not started again" not_requeued
    expect "$final is handed on" exited_with $final
  done
}

test_failed_launches() {
  new_job 'exit 1'
  job 'exit 1'
  expect "a second launch that fails is started again" requeued
  job 'touch run/restarts.json; exit 139'
  expect "a crash after the first step is not a launch that failed" requeued
  job 'exit 1'
  job 'exit 127'
  expect "so that these were two in a row" requeued
  job 'exit 1'
  expect "a third is the last" not_requeued
  expect "and ends with 93" exited_with 93
  rm "$work/run/launches"
  job 'exit 1'
  expect "until somebody has fixed it" requeued
}

# The run was done, and more steps are asked for.
test_old_done() {
  new_job 'touch run/DONE'
  job 'exit 0'
  expect "the DONE of an earlier end is no success" requeued
  new_job 'touch run/DONE'
  job 'exit 127'
  job 'exit 127'
  job 'exit 127'
  expect "nor a first step of a launch that failed" not_requeued
  expect "so that the third ends with 93" exited_with 93
}

# signalled_job SIGNAL REASON [CODE] [FIRST]: a job on the run folder that is there gets SIGNAL while the ranks run.
# They have done FIRST, and leave with CODE a moment after. (The wrapper takes a child for a sign that they are there.)
signalled_job() {
  rm -f "$work/up"
  REASON=$2 start_job "${4:-true}; trap 'echo USR1 >>calls; exit 75' USR1; sleep 5 & touch up
    for _ in {1..20}; do sleep 0.05; done; exit ${3-75}" x.cfg run
  wait_until "the ranks are there" is_up
  kill "-$1" "$job"
  finish
}

test_signals() {
  rm -rf "$work/run"
  signalled_job USR1 None
  expect "the signal before the limit goes to the ranks" called USR1
  expect "and the saved job is started again" requeued
  signalled_job TERM None
  expect "a job that Slurm ends is not started again" not_requeued
  expect "its ranks get no signal but Slurm's" test "$(grep -c USR1 "$work/calls")" = 0
  signalled_job TERM TimeLimit
  expect "unless the time limit ends it" requeued
}

# Ranks that do not live to save. fgm's own count of starts without progress is RUN/restarts.json.
test_ended_too_soon() {
  new_job 'exit 1'
  for _ in 1 2 3; do signalled_job TERM None 137 'touch run/restarts.json'; done
  expect "preemptions are not starts without progress" test ! -e "$work/run/restarts.json"
  expect "nor launches that failed" test ! -e "$work/run/launches"

  signalled_job TERM TimeLimit 137 'touch run/restarts.json'
  expect "a start that hangs until the time limit is one" test -e "$work/run/restarts.json"
  expect "but no launch that failed" test ! -e "$work/run/launches"
  expect "and is started again, for fgm to judge" requeued

  rm "$work/run/restarts.json"
  for _ in 1 2; do signalled_job TERM TimeLimit 137; done
  expect "a second launch that hangs until the time limit is started again" requeued
  signalled_job TERM TimeLimit 137
  expect "a third is the last" not_requeued
}

test_usage() {
  start_job 'exit 0' x.cfg
  finish
  expect "without a run's folder it ends with 2" exited_with 2
}

make_clone
test_codes
test_failed_launches
test_old_done
test_signals
test_ended_too_soon
test_usage
end_of_claims
