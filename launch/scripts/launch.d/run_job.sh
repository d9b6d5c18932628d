# What the wrappers mpirun and srun share: finding the program, and what a signal means. Sourced by them.
#
# Both launchers answer a Ctrl-C or a SIGTERM by ending the ranks; SIGUSR1 they hand on, and go on. So the launcher gets
# a process group of its own, which a Ctrl-C at the terminal does not reach, and USR1 for the first signal, whichever
# it is: the ranks save and leave with 75. At the second the launcher may end them.

readonly exit_config=2 exit_requeue=75 exit_second_interrupt=130

die() { echo "$launcher: $*" >&2; exit $exit_config; }

# Sets `arguments` to the script's. Where PATH has no fgm, the clone's own joins it; and as other hosts do not get our
# PATH, the word fgm becomes its path where it is the program: the first word after the launcher's options and their
# values (`num_values OPTION` says how many follow one).
find_program() {
  arguments=("$@")
  if command -v fgm >/dev/null; then return; fi
  local built=$root/build/release/fgm i
  [[ -x $built || " $* " != *" fgm "* || " $* " == *"/fgm "* ]] ||
    die "there is no fgm in PATH nor in $built; launch/scripts/build makes it"
  export PATH=$PATH:${built%/fgm}
  for ((i = 0; i < $#; i++)); do
    if [[ ${arguments[i]} == -* ]]; then
      i=$((i + $(num_values "${arguments[i]}")))
    else
      [[ ${arguments[i]} != fgm ]] || arguments[i]=$built
      return 0
    fi
  done
}

# mpirun loses a USR1 that comes before it has started a rank.
has_started() {
  local children=/proc/$job/task/$job/children  # not in every kernel
  [[ ! -r $children || -n $(<"$children") ]]
}

on_signal() {
  is_interrupted=1 num_signals=$((num_signals + 1))
  if ((num_signals == 1)) && has_started; then
    echo "$launcher: asked the ranks to save and leave; a second signal ends them at once" >&2
    kill -USR1 "$job"
  else
    kill -TERM "$job"
  fi
}

on_term() { on_signal; }  # srun has another

# A terminal that closes and a limit of CPU time send theirs more than once; none of these is a second signal.
on_repeated_signal() {
  is_interrupted=1
  ((num_signals > 0)) || on_signal
}

# run_job COMMAND...: runs the launcher and exits as it does; signals are handed on. A launcher does not outlive this
# script.
run_job() {
  is_interrupted=1 num_signals=0
  set -m  # a process group for the launcher
  setpriv --pdeathsig TERM "$@" </dev/null &
  job=$!
  trap on_signal INT USR1 USR2
  trap on_repeated_signal HUP XCPU
  trap on_term TERM
  local code
  while ((is_interrupted)); do  # a trap ends wait early
    is_interrupted=0 code=0
    wait "$job" || code=$?
  done
  case $num_signals:$code in
    1:1 | 1:138 | 1:143) exit $exit_requeue ;;  # the signal came before the first step: nothing to save
    [01]:*) exit "$code" ;;
    *) exit $exit_second_interrupt ;;
  esac
}
