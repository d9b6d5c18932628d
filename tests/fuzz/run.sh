#!/usr/bin/env bash
# Fuzzes the safetensors reader with libFuzzer and ASan, from tests/fuzz/corpus. Needs clang 15 or later with its
# runtime libraries (Debian 12: clang-16 libclang-rt-16-dev), the newest that is there or $CXX.
#   tests/fuzz/run.sh [RUNS]    default 1000000; the binary and what it found new stay in build/fuzz
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
readonly runs=${1:-1000000} out=build/fuzz

newest_clang() { compgen -c clang++- | grep -x 'clang++-[0-9]*' | sort -t- -k2 -n | tail -n 1; }
compiler=${CXX:-$(newest_clang)}

libtorch=$(launch/scripts/setup --print-cmake-args | sed -n 's/^-DFGM_LIBTORCH=//p')
toolkit=$(ls -d "$libtorch"/../nvidia/*/lib /usr/local/cuda/lib64 2>/dev/null | paste -sd:)
mkdir -p "$out/corpus"
"$compiler" -std=c++20 -O1 -g -fsanitize=fuzzer,address -I. -idirafter "$libtorch/include" -DSPDLOG_FMT_EXTERNAL -DFMT_SHARED \
  tests/fuzz/safetensors_fuzzer.cpp core/base/{error,hash,text}.cpp \
  core/io/{atomic_file,descriptor,file,file_kind,safetensors_dtype,safetensors_header,safetensors_reader,strict_json,tensor_source}.cpp \
  -L"$libtorch/lib" -Wl,-rpath,"$libtorch/lib" -Wl,-rpath-link,"$libtorch/lib:$toolkit" -ltorch_cpu -lc10 -lfmt -lxxhash \
  -o "$out/safetensors_fuzzer"
export LD_LIBRARY_PATH=$toolkit${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
ASAN_OPTIONS=detect_leaks=0 "$out/safetensors_fuzzer" -runs="$runs" -max_len=4096 -timeout=10 \
  -artifact_prefix="$out/" "$out/corpus" tests/fuzz/corpus
