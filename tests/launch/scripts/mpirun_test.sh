#!/usr/bin/env bash
# launch/scripts/mpirun with Open MPI's mpirun and a stand-in for fgm: which signals come to the ranks, what the exit code
# is, whose settings hold.
set -euo pipefail
readonly root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
readonly work=$(mktemp -d) clone="$(mktemp -d)/a clone"
trap 'rm -rf "$work" "$(dirname "$clone")"' EXIT
readonly output=$work/out
source "$root/tests/support/claims.sh"
export PATH=$work/bin:$PATH
set -m  # a process group for each job, as a terminal's shell gives it

# fgm ACTION: "exit CODE" leaves at once, "show" after its command line, "run" leaves with 75 on USR1, "save" when there
# is a file `saved` too, "hang" does not mind any signal.
make_stand_in() {
  mkdir -p "$work/bin" "$work/ranks" "$(dirname "$clone")"
  cat >"$work/bin/fgm" <<END
#!/usr/bin/env bash
action=\$1
[[ \$action != exit ]] || exit "\$2"
[[ \$action != show ]] || { echo "shown: \$0 \$*"; exit; }
log=$work/ranks/\$OMPI_COMM_WORLD_RANK
on_stop() { echo USR1 >>"\$log"; is_stopping=1; [[ \$action != run ]] || exit 75; }
is_stopping=0
trap on_stop USR1
trap '[[ -e $work/saved ]] || echo TERM >>"\$log"' TERM INT  # when one has left, mpirun ends the others
echo "binding \$OMPI_MCA_hwloc_base_binding_policy" >"\$log"
echo \$\$ >"\$log.pid"
echo ready
while :; do
  sleep 0.05
  [[ \$action != save || \$is_stopping == 0 || ! -e $work/saved ]] || exit 75
done
END
  chmod +x "$work/bin/fgm"
}

start() {  # start [mpirun options] fgm ACTION: in the background, as `job`
  rm -rf "$work"/ranks/* "$output"
  "$root/launch/scripts/mpirun" "$@" >"$output" 2>&1 &
  job=$!
}
finish() { code=0; wait "$job" || code=$?; }  # sets `code`
num_ready() { [[ $(grep -cx ready "$output") == "$1" ]]; }
got() { [[ $(grep -v binding "$work/ranks/$1") == "$2" ]]; }  # got RANK "SIGNALS"
# Where nobody waits for orphans, a process that is gone stays a zombie.
is_gone() { ! grep -qs '^State:[[:space:]]*[^Z[:space:]]' "/proc/$(<"$work/ranks/$1.pid")/status"; }
exited_with() { [[ $code == "$1" ]]; }
said() { grep -qF -- "$1" "$output"; }

# stop_job SIGNAL TARGET RANKS: sends it when RANKS ranks are there.
stop_job() {
  wait_until "$3 ranks are there" num_ready "$3"
  kill "-$1" -- "$2"
}

test_exit_codes() {
  for expected in 0 2 75 93; do
    start -n 2 fgm exit $expected
    finish
    expect "a program that leaves with $expected gives $expected" exited_with $expected
  done
}

# The ranks leave when all of them know, as those of a run do.
let_ranks_save() {  # let_ranks_save RANK...
  local rank
  for rank; do wait_until "rank $rank knows" got "$rank" USR1; done
  touch "$work/saved"
  finish
}

test_stop() {
  rm -f "$work/saved"
  start -n 3 fgm save
  stop_job INT "-$job" 3
  let_ranks_save 0 1 2
  expect "Ctrl-C at the terminal gives 75" exited_with 75
  for rank in 0 1 2; do expect "rank $rank gets one signal for it" got $rank USR1; done

  rm -f "$work/saved"
  start -n 2 fgm save
  stop_job TERM "$job" 2
  let_ranks_save 0 1
  expect "SIGTERM gives 75" exited_with 75
  expect "and is one signal for a rank" got 1 USR1
}

# What the end of a terminal, or a limit of CPU time, sends while the ranks save.
test_repeated_signals() {
  rm -f "$work/saved"
  start -n 2 fgm save
  stop_job HUP "$job" 2
  wait_until "the ranks know" got 0 USR1
  kill -HUP "$job"
  kill -XCPU "$job"
  let_ranks_save 0 1
  expect "SIGHUP gives 75, however often it comes" exited_with 75
  expect "and is one signal for a rank" got 1 USR1

  (trap '' HUP && rm -f "$work"/ranks/* && exec "$root/launch/scripts/mpirun" -n 1 fgm run) >"$output" 2>&1 &
  job=$!
  stop_job HUP "$job" 1
  kill -XCPU "$job"
  finish
  expect "SIGHUP under nohup is none, and SIGXCPU the first" exited_with 75
}

test_end() {
  start -n 2 fgm hang
  stop_job INT "-$job" 2
  wait_until "the ranks know" got 0 USR1
  kill -INT -- "-$job"
  finish
  expect "a second Ctrl-C gives 130" exited_with 130
  expect "and ends ranks that do not leave" is_gone 0

  start -n 2 fgm hang
  stop_job KILL "$job" 2
  finish 2>/dev/null
  wait_until "a wrapper that is killed takes its ranks along" is_gone 1
}

test_settings() {
  OMPI_MCA_hwloc_base_binding_policy=core start -n 1 fgm run
  stop_job TERM "$job" 1
  finish
  expect "a setting of the user's holds" grep -qx "binding core" "$work/ranks/0"
  start -n 1 fgm run
  stop_job TERM "$job" 1
  finish
  expect "else ours does" grep -qx "binding none" "$work/ranks/0"
}

test_program() {
  mkdir -p "$clone/build/release"
  ln -s "$root/launch" "$clone/launch"
  PATH=${PATH#*:} "$clone/launch/scripts/mpirun" -n 1 fgm exit 0 >"$output" 2>&1 &
  job=$!
  finish
  expect "without a program it ends with 2" exited_with 2
  expect "and says how to get one" said "launch/scripts/build makes it"
  cp "$work/bin/fgm" "$clone/build/release/fgm"
  PATH=${PATH#*:} "$clone/launch/scripts/mpirun" -n 1 fgm exit 93 >"$output" 2>&1 &
  job=$!
  finish
  expect "a built one is found where PATH has none" exited_with 93
}

# show ARGUMENTS: the wrapper of a clone that is not in PATH, called in a folder that has one named fgm.
show() {
  mkdir -p "$work/fgm"
  (cd "$work" && PATH=${PATH#*:} "$clone/launch/scripts/mpirun" -n 1 "$@") >"$output" 2>&1
}
shown() { grep -qxF "shown: $clone/build/release/fgm show $1" "$output"; }

test_words() {
  show --mca pml ob1 -wdir fgm --oversubscribe fgm show --run fgm
  expect "of the words fgm, only the program's is replaced" shown "--run fgm"
  show "$clone/build/release/fgm" show --run fgm
  expect "and none where the program is given by path" shown "--run fgm"
  echo 'fgm show "$@"' >"$work/script.sh"
  show bash script.sh fgm
  expect "a script finds the built one" shown "fgm"
}

make_stand_in
test_exit_codes
test_stop
test_repeated_signals
test_end
test_settings
test_program
test_words
end_of_claims
