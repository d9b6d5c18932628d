# A job in stages: data, teacher, student, samples, scores. A stage that is finished is not done again, and one that was
# interrupted goes on where it was. Sourced by quickstart and demo, which set $scripts (their folder), $job (their name),
# $run (a default) and $config, and define usage.
ranks=2 fresh=0 train_options=() distill_options=() sample_options=() setup_options=()
all_finished=1 interrupted=0 scored=""

stages_usage() {
  cat <<END
  --run DIR          where everything is written (default $run)
  --ranks N          processes that share the work (default $ranks)
  --fresh            start over: forget what earlier calls did in DIR
  --steps-train N    training steps of the teacher (default: as in $config)
  --steps-distill N  steps of the distillation (default: as in $config)
END
}

say() { echo "$job: $*"; }
die() { say "$*" >&2; exit 2; }

require_count() { [[ $2 =~ ^[1-9][0-9]*$ ]] || die "$1 needs a positive number, not \"$2\""; }

# take_option ARGUMENTS...: takes the first of them where it is an option of all jobs or of setup. Sets $taken: how many
# words it had, or 0.
take_option() {
  taken=1
  case $1 in
    --run | --ranks | --steps-train | --steps-distill | --libtorch) (($# > 1)) || die "$1 needs a value"; taken=2 ;;&
    --run) run=$(realpath -m "$2") ;;
    --ranks) require_count "$1" "$2"; ranks=$2 ;;
    --fresh) fresh=1 ;;
    --steps-train) require_count "$1" "$2"; train_options=(--steps "$2") ;;
    --steps-distill) require_count "$1" "$2"; distill_options=(--steps "$2") ;;
    --libtorch) setup_options+=("$1" "$2") ;;
    --cuda=* | --libtorch=*) setup_options+=("$1") ;;
    --help | -h) usage; exit 0 ;;
    *) taken=0 ;;
  esac
}

# Builds the program and opens the run. Results of other settings are never mixed with these: open_run [SETTING...]
open_run() {
  "$scripts/build" "${setup_options[@]}"
  cd "$scripts/../.."
  if [[ -n $(ls -A "$run" 2>/dev/null) && ! -d $run/.finished ]]; then
    die "$run holds something else; --run DIR writes elsewhere"
  fi
  ((fresh == 0)) || rm -rf "$run/.finished" "$run/teacher" "$run/distill"
  mkdir -p "$run/.finished" "$run/samples"
  local settings
  settings="train ${train_options[*]} distill ${distill_options[*]} $*${*:+ }config $(cksum <"$config")"
  if [[ -e $run/.finished/settings && $(<"$run/.finished/settings") != "$settings" ]]; then
    die "$run was made with other settings; --fresh starts over, --run DIR writes elsewhere"
  fi
  echo "$settings" >"$run/.finished/settings"
  trap 'interrupted=1' INT
}

# stage NAME COMMAND...: runs COMMAND unless an earlier call finished it; once one runs, so do all after it.
stage() {
  local name=$1
  shift
  if ((all_finished)) && [[ -e $run/.finished/$name ]]; then
    say "$name: finished earlier"
    return
  fi
  all_finished=0
  rm -f "$run/.finished/$name"
  say "$name"
  local status=0
  "$@" || status=$?
  if ((interrupted)) || ((status == 75)); then
    say "interrupted in $name; start again to go on"
    exit 130
  fi
  ((status == 0)) || die "$name failed (exit code $status)"
  touch "$run/.finished/$name"
}

fgm() { build/release/fgm "$@"; }
fgm_on_ranks() { "$scripts/mpirun" -n "$ranks" build/release/fgm "$@"; }

training_stage() {  # training_stage train|distill RUN STORE [options]
  local name=$1 folder=$2 store=$3
  shift 3
  stage "$name" fgm_on_ranks "$name" --config "$config" --run "$folder" --data.store "$store" "$@"
}

sample() {  # sample NAME WEIGHTS PROMPTS STEPS GUIDANCE
  stage "sample $1" fgm_on_ranks sample --config "$config" --sample.weights "$2" --sample.prompts "$3" --sample.steps "$4" \
    --sample.guidance "$5" --sample.out "$run/samples/$1.h5" "${sample_options[@]}"
  scored+="${scored:+,}$1=$run/samples/$1.h5"
}

score() {  # score REFERENCE [options]: all that was sampled
  local reference=$1
  shift
  stage eval fgm eval --config "$config" --run "$run" --eval.samples "$scored" --eval.reference "$reference" "$@"
  say "report:  $run/report.json (as a table: $run/report.md)"
  say "image: $run/report.png"
}
