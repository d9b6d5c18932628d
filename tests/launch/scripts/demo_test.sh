#!/usr/bin/env bash
# The demonstration as a user runs it, on a data set of a few made images: interrupted by Ctrl-C it goes on at the next
# call, it ends with a report of all its models and their image, and a further call does nothing again.
# usage: demo_test.sh ROOT RUN
set -euo pipefail
readonly root=$1 run=$2 data=$2_data
readonly options=(fashion-mnist --data "$data" --run "$run" --short)

source "$root/tests/support/interrupted_job.sh"

# idx SPLIT: 64 images of 28 x 28 and their labels 0, 1, ..., 9, 0, ...
idx() {
  python3 - "$data/$1" <<'END'
import gzip, random, struct, sys
count, side, draw = 64, 28, random.Random(1)
with gzip.open(sys.argv[1] + "-images-idx3-ubyte.gz", "wb") as f:
    f.write(struct.pack(">4BIII", 0, 0, 8, 3, count, side, side) + bytes(draw.randrange(256) for _ in range(count * side * side)))
with gzip.open(sys.argv[1] + "-labels-idx1-ubyte.gz", "wb") as f:
    f.write(struct.pack(">4BI", 0, 0, 8, 1, count) + bytes(i % 10 for i in range(count)))
END
}

rm -rf "$run" "$data"
mkdir -p "$data"
idx train
idx t10k
interrupt_training "$run" "$root/launch/scripts/demo" "${options[@]}"

"$root/launch/scripts/demo" "${options[@]}" 2>&1 | tee "$run/second.log"
grep -q "train_images: finished earlier" "$run/second.log" || fail "the images were imported again"
grep -q "going on from step" "$run/second.log" || fail "the interrupted stage began anew"
require_report "$run" teacher_50_guidance_1 teacher_50_guidance_1.5 teacher_50_guidance_2 teacher_1 student_1

third=$("$root/launch/scripts/demo" "${options[@]}")
[[ $(grep -c "finished earlier" <<<"$third") == 11 ]] || fail "the third call did something again: $third"

"$root/launch/scripts/demo" --data "$data" 2>/dev/null && fail "it ran without the name of a data set"
if "$root/launch/scripts/demo" fashion-mnist --data "$data" --run "$run" 2>/dev/null; then
  fail "the images of other settings were mixed into a finished run"
fi
