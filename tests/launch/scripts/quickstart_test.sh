#!/usr/bin/env bash
# The quickstart as a user runs it, at a few steps: interrupted by Ctrl-C it goes on at the next call, it ends with a
# report of three models and its image, and a further call does nothing again.  usage: quickstart_test.sh ROOT RUN
set -euo pipefail
readonly root=$1 run=$2
readonly options=(--run "$run" --steps-train 20 --steps-distill 3)

fail() { echo "quickstart_test: $*" >&2; exit 1; }

rm -rf "$run"
# A Ctrl-C at the terminal reaches the whole process group.
set -m
"$root/launch/scripts/quickstart" "${options[@]}" &
job=$!
until grep -qs '"step":2,' "$run/teacher/metrics.jsonl"; do
  kill -0 $job 2>/dev/null || fail "it ended before its second training step"
  sleep 0.1
done
kill -INT -- -$job
code=0
wait $job || code=$?
[[ $code == 130 ]] || fail "interrupted, it left with $code"
[[ ! -e $run/teacher/DONE ]] || fail "the interrupt came too late"

# The 600 images that a user sees would take longer than all else here.
rm "$run/shapes_held_out.h5"
"$root/build/release/fgm" data shapes --config "$root/configs/quickstart.cfg" --shapes.count 60 --shapes.held_out_count 60 \
  --out "$run/few.h5" --held-out "$run/shapes_held_out.h5"

"$root/launch/scripts/quickstart" "${options[@]}" 2>&1 | tee "$run/second.log"
grep -q "going on from step" "$run/second.log" || fail "the interrupted stage began anew"
for model in teacher_28 teacher_1 student_1; do
  grep -q "\"$model\": {" "$run/report.json" || fail "report.json has no model $model"
done
[[ -s $run/report.png ]] || fail "no image"
[[ -e $run/distill/DONE ]] || fail "the distillation did not finish"

third=$("$root/launch/scripts/quickstart" "${options[@]}")
[[ $(grep -c "finished earlier" <<<"$third") == 7 ]] || fail "the third call did something again: $third"

if "$root/launch/scripts/quickstart" --run "$run" --steps-train 21 2>/dev/null; then
  fail "other settings were mixed into a finished run"
fi
