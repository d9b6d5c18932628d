#!/usr/bin/env bash
# Fuzzes the readers of safetensors and of tokenizers with libFuzzer and ASan, from tests/fuzz/corpus and
# tests/fuzz/tokenizers. Needs clang 15 or later with its runtime libraries (Debian 12: clang-16 libclang-rt-16-dev), the
# newest that is there or $CXX.
#   tests/fuzz/run.sh [RUNS]    default 1000000 each; the binaries and what they found new stay in build/fuzz
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
readonly runs=${1:-1000000} out=build/fuzz

newest_clang() { compgen -c clang++- | grep -x 'clang++-[0-9]*' | sort -t- -k2 -n | tail -n 1; }
compiler=${CXX:-$(newest_clang)}

libtorch=$(launch/scripts/setup --print-cmake-args | sed -n 's/^-DFGM_LIBTORCH=//p')
toolkit=$(ls -d "$libtorch"/../nvidia/*/lib /usr/local/cuda/lib64 2>/dev/null | paste -sd:)
export LD_LIBRARY_PATH=$toolkit${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export ASAN_OPTIONS=detect_leaks=0

fuzz() {  # fuzz NAME SOURCE ... -lLIBRARY ...: from build/fuzz/NAME/seeds
  local name=$1
  shift
  mkdir -p "$out/$name/found"
  "$compiler" -std=c++20 -O1 -g -fsanitize=fuzzer,address -I. -idirafter "$libtorch/include" -DSPDLOG_FMT_EXTERNAL -DFMT_SHARED \
    -DFGM_SOURCE_DIR="\"$PWD\"" -DFGM_VOCABULARIES="\"$PWD/data/text/vocab\"" "tests/fuzz/${name}_fuzzer.cpp" \
    core/base/{error,hash,text}.cpp core/io/{atomic_file,descriptor,file,output_path,strict_json}.cpp "$@" \
    -licuuc -lfmt -lxxhash -o "$out/$name/fuzzer"
  "$out/$name/fuzzer" -runs="$runs" -max_len=4096 -timeout=10 -artifact_prefix="$out/$name/" "$out/$name/found" "$out/$name/seeds"
}

mkdir -p "$out/safetensors/seeds" "$out/tokenizer/seeds"
cp tests/fuzz/corpus/* "$out/safetensors/seeds"
# The first byte says which file the rest is: tests/fuzz/tokenizer_fuzzer.cpp.
number=0
for file in $(grep -o '"[a-z0-9_]*/[a-z_.]*"' tests/fuzz/open_tokenizer.h | tr -d '"'); do
  { printf %s "$number"; cat "tests/fuzz/tokenizers/$file"; } >"$out/tokenizer/seeds/$number"
  number=$((number + 1))
done

fuzz safetensors core/io/{file_kind,safetensors_dtype,safetensors_header,safetensors_reader,tensor_source}.cpp \
  -L"$libtorch/lib" -Wl,-rpath,"$libtorch/lib" -Wl,-rpath-link,"$libtorch/lib:$toolkit" -ltorch_cpu -lc10
fuzz tokenizer data/text/{added_tokens,byte_pairs,chars_map,clip_tokenizer,prompt_ids,sentencepiece_model,shipped_vocabularies,t5_tokenizer,tokenizer_folder}.cpp \
  -lsentencepiece
