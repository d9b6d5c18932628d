#!/usr/bin/env bash
# Tests of launch/scripts/setup that need no network and install nothing: a PATH of our own holds the few commands that
# setup calls, with stand-ins for dpkg-query, pip and the sleep between two tries.
set -euo pipefail
readonly root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
readonly work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
readonly bin=$work/bin python=$(type -P python3)
num_failures=0

make_path() {
  local command
  mkdir "$bin"
  for command in bash awk cat comm cp cut df dirname basename env find flock grep mkdir mktemp mv rm sed sha256sum sort tail \
    tr uname unzip; do
    ln -s "$(type -P "$command")" "$bin/$command"
  done
  for command in g++ cmake ninja git pkg-config mpirun mold ccache clang-format-14 sleep; do
    ln -s "$(type -P true)" "$bin/$command"
  done
  # PACKAGES=none: nothing is installed.
  cat >"$bin/dpkg-query" <<'END'
#!/usr/bin/env bash
[[ ${PACKAGES:-all} == all ]] || exit 1
for package in "${@:4}"; do echo "installed $package"; done
END
  # PIP=wheel delivers the wheel below, garbage a broken one, fail none; kill ends the setup that asked.
  cat >"$bin/python3" <<END
#!/usr/bin/env bash
[[ " \$* " != *" --version "* ]] || exit 0
[[ " \$* " == *" --require-hashes "* ]] || exit 9
echo called >>"$work/pip_calls"
folder=\${@: -1}
mkdir -p "\$folder"
case \$PIP in
  wheel) cp "$work/wheel.zip" "\$folder/a.whl" ;;
  garbage) echo garbage >"\$folder/a.whl" ;;
  kill) kill -KILL "\$(awk '{ print \$4 }' "/proc/\$PPID/stat")" ;;
  *) exit 1 ;;
esac
END
  chmod +x "$bin/dpkg-query" "$bin/python3"
}

make_wheel() {
  mkdir -p "$work"/wheel/torch/{lib,include/ATen,share} "$work/wheel/nvidia/cu13/lib"
  echo library >"$work/wheel/torch/lib/libtorch_cpu.so"
  echo python >"$work/wheel/torch/lib/libtorch_python.so"
  echo header >"$work/wheel/torch/include/ATen/ATen.h"
  echo share >"$work/wheel/torch/share/x.txt"
  echo library >"$work/wheel/nvidia/cu13/lib/libcudart.so.13"
  (cd "$work/wheel" && "$python" -m zipfile -c "$work/wheel.zip" torch nvidia)
}

# setup HOME PIP [options]: runs setup with a clean environment; its output in $work/out, its exit code in $code.
setup() {
  local home=$1 pip=$2
  shift 2
  : >"$work/pip_calls"
  code=0
  env -i PATH="$bin" HOME="$work" FGM_HOME="$home" PIP="$pip" PACKAGES="${PACKAGES:-all}" CMAKE_PREFIX_PATH="${PREFIX:-}" \
    bash "$root/launch/scripts/setup" --cuda=off "$@" >"$work/out" 2>&1 || code=$?
}

expect() {  # expect "what should hold" COMMAND...
  local claim=$1
  shift
  "$@" && return
  echo "FAILED: $claim"
  sed 's/^/    /' "$work/out"
  num_failures=$((num_failures + 1))
}

exited_with() { [[ $code == "$1" ]]; }
said() { grep -qF -- "$1" "$work/out"; }
holds_only_a_lock() { [[ -z $(find "$1" -mindepth 1 ! -name .lock) ]]; }
num_fetches() { [[ $(grep -c . "$work/pip_calls") == "$1" ]]; }

make_path
make_wheel

PACKAGES=none setup "$work/none" wheel
expect "missing packages without apt-get end with 2" exited_with 2
expect "the administrator's command names the packages" said "apt-get install -y --no-install-recommends libarchive-dev libboost"
expect "nothing is fetched before the packages are there" num_fetches 0

: >"$work/pip_calls"
code=0
env -i PATH="$bin" PACKAGES=none bash "$root/launch/scripts/setup" --cuda=off >"$work/out" 2>&1 || code=$?
expect "without HOME and FGM_HOME it goes on to the packages" exited_with 2
expect "and says what is missing as ever" said "apt-get install -y --no-install-recommends libarchive-dev libboost"

setup "$work/broken" fail
expect "a download that fails for good ends with 2" exited_with 2
expect "it is tried three times" num_fetches 3
expect "each try is said" said "did not come whole (try 3 of 3)"
expect "a failed download leaves nothing" holds_only_a_lock "$work/broken"

setup "$work/broken" garbage
expect "a wheel that cannot be unpacked ends with 2" exited_with 2
expect "and leaves nothing" holds_only_a_lock "$work/broken"

setup "$work/killed" kill
expect "a killed setup does not report success" exited_with 137
setup "$work/killed" wheel
expect "the next one installs" exited_with 0
expect "and clears what the killed one left" [ -z "$(find "$work/killed" -name '.tmp-*')" ]

home="$work/a home with spaces"
setup "$home" wheel --print-cmake-args
expect "a first setup installs" exited_with 0
expect "it prints the arguments for CMake" said "-DFGM_LIBTORCH=$home/libtorch-2.11.0-cpu/torch"
expect "it fetches the CPU flavour's three wheels" num_fetches 3
expect "Python's library is left out" [ ! -e "$home/libtorch-2.11.0-cpu/torch/lib/libtorch_python.so" ]
setup "$home" fail
expect "a second setup succeeds" exited_with 0
expect "and touches no network" num_fetches 0

: >"$home/libtorch-2.11.0-cpu/torch/lib/libtorch_cpu.so"
setup "$home" wheel
expect "a truncated library is noticed" said "incomplete"
expect "and installed anew" [ -s "$home/libtorch-2.11.0-cpu/torch/lib/libtorch_cpu.so" ]

setup "$work/both" wheel & setup "$work/both" wheel && wait $!
expect "two setups at once install once, whole" [ -s "$work/both/libtorch-2.11.0-cpu/stamp" ]
setup "$work/both" fail
expect "and what they leave is complete" exited_with 0

setup /proc/nowhere wheel
expect "a folder that cannot be written ends with 2" exited_with 2
expect "and the message names the way out" said "set FGM_HOME"

setup "$work/own" fail --libtorch "$work"
expect "a --libtorch without LibTorch is refused" exited_with 2
setup "$work/own" fail --libtorch "$work/wheel/torch" --print-cmake-args
expect "one's own LibTorch is taken" said "-DFGM_LIBTORCH=$work/wheel/torch"
PREFIX=/nowhere:$work/wheel/torch setup "$work/own" fail --print-cmake-args
expect "and found on CMAKE_PREFIX_PATH" said "-DFGM_LIBTORCH=$work/wheel/torch"
setup "$work/own" fail --libtorch "$work/wheel/torch" --fashion-mnist
if [[ -d /usr/share/datasets/fashion-mnist ]]; then
  expect "a data set that is there is not installed again" exited_with 0
else
  expect "a data set that is missing is a package like another" said "apt-get install -y --no-install-recommends dataset-fashion-mnist"
fi
setup "$work/own" fail --colour=on
expect "an unknown option is refused" exited_with 2

((num_failures == 0)) || { echo "$num_failures claims failed"; exit 1; }
echo "all claims hold"
