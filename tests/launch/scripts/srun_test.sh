#!/usr/bin/env bash
# What launch/scripts/srun makes of a signal, with stand-ins for srun and scontrol; tests/launch/cluster has the real
# ones.
set -euo pipefail
readonly root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
readonly work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
readonly output=$work/out
source "$root/tests/support/claims.sh"
export PATH=$work/bin:$PATH

# srun ACTION: "run" leaves with 75 on USR1 as the ranks do, "hang" does not, "show" leaves after its command line. The
# wrapper takes its child for a rank.
make_stand_ins() {
  mkdir -p "$work/bin"
  cat >"$work/bin/srun" <<'END'
#!/usr/bin/env bash
case ${!#} in
  --help) printf '%s\n' "  -J, --job-name=jobname   name of job" "      --nice[=value]   decrease priority"; exit ;;
  show) echo "shown: $*"; exit ;;
esac
sleep 20 &
rank=$!
trap 'kill $rank' EXIT
trap 'echo USR1 >>signals; [[ ${!#} == hang ]] || exit 75' USR1
trap 'echo TERM >>signals; exit 143' TERM
touch up
while kill -0 $rank; do wait $rank; done
END
  printf '%s\n' '#!/usr/bin/env bash' 'echo "$*" >>asked' 'printf "%s\n" "$ANSWER"' '[[ -n $ANSWER ]]' \
    >"$work/bin/scontrol"
  chmod +x "$work"/bin/*
}

start() {  # start ACTION: the wrapper in the background, as `job`
  cd "$work"
  rm -f up signals asked
  "$root/launch/scripts/srun" fgm "$1" >"$output" 2>&1 &
  job=$!
  wait_until "the ranks are there" test -e up
}
finish() { code=0; wait "$job" || code=$?; }  # sets `code`
exited_with() { [[ $code == "$1" ]]; }
got() { [[ $(cat signals 2>/dev/null) == "$1" ]]; }
left_it_to_slurm() { grep -qF "Slurm ends the job" "$output"; }

# answer STATE: what scontrol says of job 7, one of an array whose other job runs; nothing at all without STATE.
answer() {
  local others="JobId=8 ArrayJobId=7 JobState=RUNNING Reason=None Dependency=(null)"
  export SLURM_JOB_ID=7 ANSWER=${1:+$others$'\n'"JobId=7 ArrayJobId=7 $1 Dependency=(null)"}
}

expect_stopped() {  # expect_stopped "when"
  start run
  kill -TERM "$job"
  finish
  expect "SIGTERM $1 gives 75" exited_with 75
  expect "SIGTERM $1 is one signal for a rank" got USR1
}

expect_left_to_slurm() {  # expect_left_to_slurm "when"
  start run
  kill -TERM "$job"
  wait_until "the wrapper leaves a SIGTERM $1 to Slurm" left_it_to_slurm
  expect "SIGTERM $1 is no signal for a rank" got ""
  kill -USR1 "$job"
  finish
  expect "a signal after it is the first" got USR1
  expect "and gives 75" exited_with 75
}

test_alone() {
  unset SLURM_JOB_ID
  ANSWER="" expect_stopped "outside an allocation"
  expect "Slurm is not asked of a job then" test ! -e asked
}

test_in_allocation() {
  answer "JobState=RUNNING Reason=None"
  expect_stopped "in a job that runs"
  answer "JobState=RUNNING Reason=None PreemptTime=None"
  expect_stopped "in a job that may be preempted"

  start hang
  kill -TERM "$job"
  wait_until "the ranks know" got USR1
  kill -TERM "$job"
  finish
  expect "a second one gives 130" exited_with 130
  expect "and ends the ranks" got "USR1"$'\n'"TERM"
}

test_job_that_ends() {
  answer "JobState=COMPLETING Reason=TimeLimit"
  expect_left_to_slurm "in a job that Slurm ends"
  answer "JobState=RUNNING Reason=None PreemptEligibleTime=2026-01-01T00:00:00 PreemptTime=2026-01-01T00:00:01"
  expect_left_to_slurm "in a job that is being preempted"
  answer ""
  expect_left_to_slurm "of which Slurm says nothing"
}

test_words() {
  local clone=$work/clone
  mkdir -p "$clone/build/release"
  ln -s "$root/launch" "$clone/launch"
  printf '%s\n' '#!/bin/sh' >"$clone/build/release/fgm"
  chmod +x "$clone/build/release/fgm"
  PATH=$work/bin:/usr/bin:/bin "$clone/launch/scripts/srun" -n4 --nice -J fgm --job-name fgm --mem=1 fgm --run fgm show \
    >"$output" 2>&1
  expect "of the words fgm, only the program's is replaced" \
    grep -qF -- "-n4 --nice -J fgm --job-name fgm --mem=1 $clone/build/release/fgm --run fgm show" "$output"
}

make_stand_ins
test_words
test_alone
test_in_allocation
test_job_that_ends
end_of_claims
