#!/usr/bin/env bash
# The quickstart as a user runs it, at a few steps: interrupted by Ctrl-C it goes on at the next call, it ends with a
# report of three models and its image, and a further call does nothing again.  usage: quickstart_test.sh ROOT RUN
set -euo pipefail
readonly root=$1 run=$2
readonly options=(--run "$run" --steps-train 20 --steps-distill 3)

source "$root/tests/support/interrupted_job.sh"

rm -rf "$run"
interrupt_training "$run" "$root/launch/scripts/quickstart" "${options[@]}"

# The 600 images that a user sees would take longer than all else here.
rm "$run/shapes_held_out.h5"
"$root/build/release/fgm" data shapes --config "$root/configs/quickstart.cfg" --shapes.count 60 --shapes.held_out_count 60 \
  --out "$run/few.h5" --held-out "$run/shapes_held_out.h5"

"$root/launch/scripts/quickstart" "${options[@]}" 2>&1 | tee "$run/second.log"
grep -q "going on from step" "$run/second.log" || fail "the interrupted stage began anew"
require_report "$run" teacher_28 teacher_1 student_1
[[ -e $run/distill/DONE ]] || fail "the distillation did not finish"

third=$("$root/launch/scripts/quickstart" "${options[@]}")
[[ $(grep -c "finished earlier" <<<"$third") == 7 ]] || fail "the third call did something again: $third"

if "$root/launch/scripts/quickstart" --run "$run" --steps-train 21 2>/dev/null; then
  fail "other settings were mixed into a finished run"
fi
