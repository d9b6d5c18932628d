# LibTorch from the official torch wheel: fetched, checked and unpacked once per user. Sourced by setup.
#
#   $FGM_HOME/libtorch-2.11.0-{cpu,cuda}/torch/{lib,include,share}
#   $FGM_HOME/libtorch-2.11.0-{cpu,cuda}/nvidia/*/{lib,include}    found through the wheel's RUNPATH ../../nvidia/*/lib
#   $FGM_HOME/libtorch-2.11.0-{cpu,cuda}/stamp                     the wheels it came from, then a digest of what lies there

readonly torch_version=2.11.0
readonly wheels="$setup_d/wheels.txt"
readonly max_tries=3

# The CUDA toolkit's folder when it is a 13.x with headers, else nothing.
find_toolkit() {
  local nvcc root
  nvcc=$(command -v nvcc || true)
  for root in "${CUDA_HOME:-}" "${CUDA_PATH:-}" ${nvcc:+"$(dirname "$(dirname "$nvcc")")"} /usr/local/cuda; do
    if grep -qs '^#define CUDA_VERSION 13' "$root/include/cuda.h"; then
      echo "$root"
      return
    fi
  done
}

has_driver() { [[ -e /proc/driver/nvidia/version ]] || command -v nvidia-smi >/dev/null; }

choose_flavour() {  # choose_flavour on|off|auto
  case $1 in
    on) echo cuda ;;
    off) echo cpu ;;
    auto) if [[ -n $toolkit ]] || has_driver; then echo cuda; else echo cpu; fi ;;
  esac
}

# The lines of wheels.txt that this flavour needs on this machine.
wanted_wheels() {  # wanted_wheels FLAVOUR
  local wheel hash marker needed_for
  while read -r wheel hash marker needed_for; do
    [[ $wheel == *==* ]] || continue
    if [[ $needed_for == cpu ]] || [[ $1 == cuda && ! (-n $toolkit && -e $toolkit/$needed_for) ]]; then
      echo "$wheel $hash"
    fi
  done <"$wheels"
}

# Names and sizes of every file: a lost or truncated one is seen without reading gigabytes.
content_digest() {  # content_digest FOLDER
  (cd "$1" && find torch nvidia -type f -printf '%s %p\n' | LC_ALL=C sort | sha256sum | cut -d ' ' -f 1)
}

is_installed() {  # is_installed FOLDER FLAVOUR
  [[ -f $1/stamp && -d $1/torch && -d $1/nvidia ]] || return 1
  local lacking
  lacking=$(comm -23 <(wanted_wheels "$2" | sort) <(sort "$1/stamp"))
  [[ -z $lacking && $(tail -n 1 "$1/stamp") == "$(content_digest "$1")" ]]
}

free_mib() { df -Pm "$1" | awk 'NR == 2 { print $4 }'; }

require_space() {  # require_space FLAVOUR
  local need=1500
  [[ $1 == cpu ]] || need=$([[ -n $toolkit ]] && echo 3500 || echo 7000)
  local free
  free=$(free_mib "$FGM_HOME")
  ((free >= need)) || die "LibTorch needs $need MiB while it is unpacked; $FGM_HOME has $free MiB free. Free some, or set FGM_HOME to a folder on another disk."
}

download() {  # download REQUIREMENTS FOLDER
  local platforms=(--platform manylinux2014_x86_64) minor
  for minor in {17..28}; do platforms+=(--platform "manylinux_2_${minor}_x86_64"); done  # pip matches each tag exactly
  python3 -m pip download --quiet --disable-pip-version-check --no-cache-dir --no-deps --require-hashes \
    --only-binary=:all: --python-version 3.12 --implementation cp "${platforms[@]}" --retries 1 -r "$1" -d "$2"
}

# Fetches one wheel into FOLDER/wheels; pip compares its sha256 with ours and refuses another. ADVICE ends the message
# where the wheel does not come.
fetch_wheel() {  # fetch_wheel "name==version --hash=..." FOLDER [ADVICE]
  local name=${1%% *} log try reason
  echo "$1" >"$2/requirements.txt"
  for ((try = 1; try <= max_tries; try++)); do
    say "fetching $name"
    if log=$(TMPDIR=$2 download "$2/requirements.txt" "$2/wheels" 2>&1); then return 0; fi
    rm -rf "$2/wheels"
    reason=$(echo && tail -n 4 <<<"$log" | cut -c 1-300 | sed 's/^/    /')
    if [[ $log == *"No space left"* ]]; then die "the disk that holds $FGM_HOME is full; set FGM_HOME to a folder on another"; fi
    if [[ $log == *"DO NOT MATCH THE HASHES"* ]]; then reason="its sha256 is not the pinned one"; fi
    say "$name did not come whole (try $try of $max_tries): $reason"
    ((try == max_tries)) || sleep 2
  done
  die "could not fetch $name; check the network and pip's index${3:-}"
}

# Keeps what a C++ program links with: no Python, no static libraries; the CPU flavour takes no CUDA either.
unpack_wheel() {  # unpack_wheel WHEEL FOLDER FLAVOUR
  local keep=('torch/lib/*.so*' 'torch/include/*' 'torch/share/*' 'nvidia/*/lib/*.so*')
  local drop=('torch/lib/libtorch_python.so' 'torch/lib/libshm*')
  if [[ $3 == cuda ]]; then
    keep+=('nvidia/*/include/*')
  else
    drop+=('torch/lib/libtorch_cuda*' 'torch/lib/libc10_cuda*' 'torch/lib/libtorch_nvshmem*' 'torch/lib/libcaffe2_nvrtc*'
      'torch/lib/libtorch.so')
  fi
  local code=0
  unzip -q -o "$1" "${keep[@]}" -x "${drop[@]}" -d "$2" >"$2.log" 2>&1 </dev/null || code=$?  # it asks on a full disk
  # 11: a pattern matched nothing, as in every wheel that is only one of torch and nvidia.
  ((code == 0 || code == 11)) || die "could not unpack $(basename "$1") in $2 ($(free_mib "$FGM_HOME") MiB free): $(tail -n 1 "$2.log")"
}

# Everything happens in a temporary folder beside the final one, so that an interrupted setup leaves nothing that counts.
install_libtorch() {  # install_libtorch FOLDER FLAVOUR
  local line
  rm -rf "$FGM_HOME"/.tmp-libtorch-*
  require_space "$2"
  temporary=$(mktemp -d "$FGM_HOME/.tmp-libtorch-XXXXXX")
  trap 'rm -rf "$temporary"' EXIT
  trap 'exit 130' INT TERM  # pip ends normally on Ctrl-C, which bash takes for a failed try
  mkdir -p "$temporary/root/torch" "$temporary/root/nvidia"
  while read -r -u 3 line; do
    fetch_wheel "$line" "$temporary" ", or give your own LibTorch with --libtorch DIR"
    unpack_wheel "$temporary"/wheels/*.whl "$temporary/root" "$2"
    rm -rf "$temporary/wheels"
  done 3< <(wanted_wheels "$2")
  { wanted_wheels "$2"; content_digest "$temporary/root"; } >"$temporary/root/stamp"
  rm -rf "$1"
  mv "$temporary/root" "$1"
  rm -rf "$temporary"
  trap - EXIT INT TERM
}
