# For the tests of jobs in stages (launch/scripts/quickstart, demo) as a user runs and interrupts them. Sourced by them.

fail() { echo "$(basename "$0" .sh): $*" >&2; exit 1; }

# interrupt_training RUN COMMAND...: a Ctrl-C while the job COMMAND trains the teacher of RUN. It must leave as
# interrupted, and before the training is done.
interrupt_training() {
  local folder=$1 code=0 job
  shift
  set -m  # a Ctrl-C at the terminal reaches the whole process group
  "$@" &
  job=$!
  until grep -qs '"step":2,' "$folder/teacher/metrics.jsonl"; do
    kill -0 $job 2>/dev/null || fail "it ended before its second training step"
    sleep 0.1
  done
  kill -INT -- -$job
  wait $job || code=$?
  [[ $code == 130 ]] || fail "interrupted, it left with $code"
  [[ ! -e $folder/teacher/DONE ]] || fail "the interrupt came too late"
}

# require_report RUN MODEL...: the run ended with a report of all models, and its image.
require_report() {
  local folder=$1 model
  shift
  for model in "$@"; do
    grep -q "\"$model\": {" "$folder/report.json" || fail "report.json has no model $model"
  done
  [[ -s $folder/report.png ]] || fail "no image"
}
