# Distribution packages (Debian 12, Ubuntu 22.04 and later): installed only when missing. Sourced by setup.

# command=package: taken as present when the command is, wherever it came from.
readonly required_tools="g++=g++ cmake=cmake ninja=ninja-build git=git pkg-config=pkg-config mpirun=openmpi-bin"
readonly required_libraries="libopenmpi-dev libhdf5-dev libboost-program-options-dev libspdlog-dev
  nlohmann-json3-dev libxxhash-dev libarchive-dev libicu-dev libsentencepiece-dev libpng-dev libjpeg-dev liblcms2-dev
  zlib1g-dev libgtest-dev libgmock-dev"
# A build works without these: a faster linker, a compiler cache, and the formatter of the test lint/format.
readonly wanted_tools="mold=mold ccache=ccache clang-format-14=clang-format-14"
# For what setup fetches itself: LibTorch, and the weights of --eval-features.
readonly fetch_tools="python3=python3 unzip=unzip"

missing_tools() {  # missing_tools "command=package ..."
  local pair
  for pair in $1; do
    command -v "${pair%%=*}" >/dev/null || echo "${pair#*=}"
  done
}

missing_libraries() {
  command -v dpkg-query >/dev/null || return 0  # neither Debian nor Ubuntu: CMake names what it misses
  local installed
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $required_libraries 2>/dev/null |
    sed -n 's/^installed //p') || true
  comm -23 <(printf '%s\n' $required_libraries | sort) <(sort <<<"$installed")
}

missing_fetch_tools() {
  missing_tools "$fetch_tools"
  python3 -m pip --version >/dev/null 2>&1 || echo python3-pip
  [[ -e /etc/ssl/certs/ca-certificates.crt ]] || echo ca-certificates
}

missing_data_sets() {
  local package
  for package in $data_sets; do
    [[ -d /usr/share/datasets/${package#dataset-} ]] || echo "$package"
  done
}

# Prints nothing where apt-get can be run, else why not.
why_no_apt() {
  command -v apt-get >/dev/null || { echo "there is no apt-get"; return; }
  ((EUID != 0)) || return 0
  command -v sudo >/dev/null || { echo "you are not root and there is no sudo"; return; }
  [[ -t 0 ]] || sudo -n true 2>/dev/null || echo "sudo asks for a password and there is no terminal"
}

as_root() {
  if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

apt_install() {
  say "installing: $*"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    -o DPkg::Lock::Timeout=300 "$@" >&2
}

# ensure_packages [PACKAGE ...]: installs what is missing of the tables above and of the arguments.
ensure_packages() {
  local required wanted reason
  required=$(missing_tools "$required_tools"; missing_libraries; missing_data_sets; printf '%s\n' "$@")
  wanted=$(missing_tools "$wanted_tools")
  required=$(echo $required) wanted=$(echo $wanted)
  [[ -n $required$wanted ]] || return 0
  reason=$(why_no_apt)
  if [[ -n $reason && -n $required ]]; then
    say "packages are missing and $reason; an administrator can install them with:"
    echo "    apt-get update && apt-get install -y --no-install-recommends $required${wanted:+ $wanted}" >&2
    exit 2
  elif [[ -n $reason ]]; then
    say "going on without $wanted ($reason)"
    return 0
  fi
  as_root apt-get update -qq >&2 || say "apt-get update failed; trying with the package lists that are there"
  [[ -z $required ]] || apt_install $required || die "apt-get install failed (see above)"
  local package
  for package in $wanted; do
    apt_install "$package" || say "going on without $package"
  done
}
