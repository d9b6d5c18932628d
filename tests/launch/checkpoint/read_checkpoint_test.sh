#!/usr/bin/env bash
# A checkpoint of two ranks, read by read_checkpoint.py, which shares no code with the writer.
# read_checkpoint_test.sh WORK_FOLDER PYTHON_PACKAGES WRITER [mpirun and its options ...]
set -euo pipefail
readonly work=$1 packages=$2 writer=$3
shift 3
reader() { PYTHONPATH=$packages python3 "$(dirname "${BASH_SOURCE[0]}")/read_checkpoint.py" "$@"; }
fail() { echo "FAILED: $*" >&2; exit 1; }

PYTHONPATH=$packages python3 -c 'import safetensors, xxhash' ||
  fail "Python packages are missing: python3 -m pip install --target $packages safetensors xxhash (launch/scripts/test does)"

rm -rf "$work"
"$@" "$writer" "$work/run" "$work/expected"
readonly step=$work/run/checkpoints/step-00000005
[[ -f $step/student-00001-of-00002.safetensors ]] || fail "the checkpoint is not of two ranks"
reader "$step" "$work/expected"

# A reader that finds everything well would say so of this too.
printf '\1' | dd of="$step/estimator_optim-00001-of-00002.safetensors" bs=1 seek=3000 conv=notrunc status=none
reader "$step" 2>"$work/error" && fail "a damaged byte was not seen"
grep -q "estimator_optim-00001-of-00002.safetensors is damaged" "$work/error" || fail "$(cat "$work/error")"
