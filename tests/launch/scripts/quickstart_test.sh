#!/usr/bin/env bash
# The quickstart as a user runs it, at a few steps: it ends with a report of three models and their picture, and a
# second call does nothing again.  usage: quickstart_test.sh ROOT RUN
set -euo pipefail
readonly root=$1 run=$2
readonly options=(--run "$run" --steps-train 20 --steps-distill 3)

fail() { echo "quickstart_test: $*" >&2; exit 1; }

rm -rf "$run"
"$root/launch/scripts/quickstart" "${options[@]}"
for model in teacher_28 teacher_1 student_1; do
  grep -q "\"$model\": {" "$run/report.json" || fail "report.json has no model $model"
done
[[ -s $run/report.png ]] || fail "no picture"
[[ -e $run/distill/DONE ]] || fail "the distillation did not finish"

second=$("$root/launch/scripts/quickstart" "${options[@]}")
[[ $(grep -c "finished earlier" <<<"$second") == 7 ]] || fail "the second call did something again: $second"

if "$root/launch/scripts/quickstart" --run "$run" --steps-train 21 2>/dev/null; then
  fail "other settings were mixed into a finished run"
fi
