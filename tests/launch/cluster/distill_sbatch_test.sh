#!/usr/bin/env bash
# slurm/distill.sbatch in a real Slurm, 2 nodes x 2 ranks: a distillation that is disturbed twice comes back by itself and
# ends with the same bytes as an undisturbed one; a run that is not to go on, does not.
# usage, inside tests/support/slurm/in_cluster.sh: distill_sbatch_test.sh ROOT FGM WORK
set -euo pipefail
readonly root=$1 fgm=$2 work=$3
output=/dev/null
source "$root/tests/support/claims.sh"
source "$root/tests/support/tiny_distillation.sh"
readonly num_steps=12

make_inputs() {
  rm -rf "$work"
  mkdir -p "$work"
  cd "$work"
  make_tiny_inputs "$fgm"
}

# clone NAME: a folder to call sbatch in, like the root of a clone, with the program given. Runs of two clones can be
# compared byte for byte, for the paths in them are relative.
clone() {  # clone NAME PROGRAM
  mkdir -p "$work/$1/slurm" "$work/$1/bin"
  cd "$work/$1"
  ln -s "$root/launch" launch
  ln -s "$root/slurm/distill.sbatch" slurm/distill.sbatch
  ln -s "$2" bin/fgm
  printf '%s\n' "export PATH=$PWD/bin:\$PATH" "ranks_per_node=2" >slurm/site
}

submit() {  # submit CLONE: sets `job` and `output`
  cd "$work/$1"
  job=$(sbatch --parsable --nodes 2 slurm/distill.sbatch ../tiny.cfg run --data.store ../shapes.h5 \
    --teacher.weights ../teacher --steps $num_steps)
  output=$PWD/slurm-$job.out
}

job_says() { [[ $(scontrol show job --oneliner "$job") == *" $1 "* ]]; }  # job_says JobState=COMPLETED
has_ended() { job_says JobState=COMPLETED || job_says JobState=FAILED || job_says JobState=CANCELLED; }
num_steps_done() { wc -l <run/metrics.jsonl; }
has_done() { (($(num_steps_done) >= $1)); }
said() { grep -qF -- "$1" "$output"; }
same_checkpoints() { diff -r --exclude manifest.json --exclude COMMIT "$1" "$2"; }

test_undisturbed() {
  clone undisturbed "$fgm"
  submit undisturbed
  wait_until "the undisturbed job has ended" has_ended
  expect "an undisturbed job completes" job_says JobState=COMPLETED
  expect "and leaves a DONE" test -e run/DONE
  expect "its networks are sharded over 2 x 2 ranks" test -e run/checkpoints/step-*12/student-00003-of-00004.safetensors
}

test_disturbed() {
  clone disturbed "$fgm"
  submit disturbed
  wait_until "the disturbed job has made a step" has_done 1
  scancel --signal USR1 --batch "$job"  # what Slurm sends before the time limit
  wait_until "the job has saved before its time limit" said "the state is saved; to be started again"
  local first=$(num_steps_done)
  expect "it was stopped midway" test "$first" -lt $num_steps
  wait_until "the job goes on" has_done $((first + 1))
  scontrol requeue "$job"  # what a preemption does
  wait_until "the job was preempted" said "Slurm ends the job"
  wait_until "the job has ended" has_ended
  expect "a job that was disturbed twice completes" job_says JobState=COMPLETED
  expect "after two restarts" job_says Restarts=2
  expect "every step was made once" test "$(num_steps_done)" = $num_steps
  expect "its last checkpoint is the undisturbed one's" \
    same_checkpoints "$work"/{undisturbed,disturbed}/run/checkpoints/step-*$num_steps
}

# A run that fgm finds without progress, three starts in a row.
test_no_progress() {
  printf '%s\n' '#!/bin/sh' 'echo "cores: $(nproc)"' "exec '$fgm' \"\$@\"" >"$work/says_cores"
  chmod +x "$work/says_cores"
  clone no_progress "$work/says_cores"
  mkdir run
  echo '{"step": 0, "starts": 3}' >run/restarts.json
  submit no_progress
  wait_until "the job without progress has ended" has_ended
  expect "a run without progress fails" job_says JobState=FAILED
  expect "with the code that rank 0 left with, though the others were killed" job_says ExitCode=93:0
  expect "it is not started again" job_says Restarts=0
  expect "a rank may use every core of its node" test "$(grep -cx "cores: $(nproc)" "$output")" = 4
}

test_cancelled() {
  clone cancelled "$fgm"
  submit cancelled
  wait_until "the job to be cancelled has made a step" has_done 1
  scancel "$job"
  wait_until "the job to be cancelled has ended" has_ended
  expect "a cancelled job stays cancelled" job_says JobState=CANCELLED
  expect "its ranks have saved" test -e "$(echo run/checkpoints/step-*/COMMIT)"
}

# A batch script of somebody's own, in which a SIGTERM comes to the wrapper alone, as `timeout` sends it.
test_wrapper_is_stopped() {
  clone stopped "$fgm"
  cat >job.sbatch <<'END'
#!/usr/bin/env bash
source slurm/site
launch/scripts/srun --ntasks 4 --ntasks-per-node 2 fgm distill --config ../tiny.cfg --run run \
  --data.store ../shapes.h5 --teacher.weights ../teacher --steps 1000000 &
until [[ -s run/metrics.jsonl ]]; do sleep 0.1; done
kill -TERM $!
wait $!
END
  job=$(sbatch --parsable --exclusive --nodes 2 job.sbatch) output=$PWD/slurm-$job.out
  wait_until "the job whose wrapper got a SIGTERM has ended" has_ended
  expect "its ranks leave with 75" job_says ExitCode=75:0
  expect "and have saved" test -e "$(echo run/checkpoints/step-*/COMMIT)"
}

make_inputs
test_undisturbed
test_disturbed
test_no_progress
test_cancelled
test_wrapper_is_stopped
end_of_claims
rm -rf "$work"
