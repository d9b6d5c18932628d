#!/usr/bin/env bash
# reference.sh FGM PACKAGES SOURCE_DIR: diffusers itself, installed in PACKAGES, opens what `fgm export` wrote, computes
# the same, and draws the same images from prompts. Exits with 77, which CTest reads as skipped, where diffusers or
# transformers is not there.
set -euo pipefail
readonly fgm=$1 source_dir=$3
export PYTHONPATH=$2

if ! python3 -c 'import diffusers, transformers' 2>/dev/null; then
  echo "skipped: no diffusers or transformers; launch/scripts/test --reference installs it below build/ and runs this"
  exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"$fgm" data shapes --shapes.count 20 --shapes.held_out_count 20 --out captions.h5
"$fgm" distill --run run --teacher.weights "$source_dir/tests/golden/sd3_pipeline" --data.store captions.h5 --steps 1 \
  --method.batch 4 --student.lr 0.01 --run.threads 1
"$fgm" export run --role student --max-shard-size 0.00004 --out folder
"$fgm" export run --role student --format single-file --out single.safetensors
python3 "$source_dir/tests/launch/sd3/reference.py" "$fgm"
OMPI_MCA_btl_vader_backing_directory=$folder python3 "$source_dir/tests/launch/sd3/student_reference.py" "$fgm" \
  "$source_dir"
