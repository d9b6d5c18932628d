#!/usr/bin/env bash
# launch/scripts/mpirun over two hosts with 2 ranks each: the same bytes as 4 ranks of one host; files that differ between
# the hosts are refused; a host that is lost ends the job, and the run goes on without it.
# usage: two_hosts_test.sh ROOT FGM WORK [--inside]
#
# The hosts are network namespaces of this machine, joined by a cable of their own (veth) and by nothing else; a script
# takes ssh's place. All end when this process does. Root only: 77 says that there cannot be any here, and why.
set -euo pipefail
readonly root=$1 fgm=$2 work=$3
readonly namespaces=(setpriv --pdeathsig KILL unshare --mount --uts --net --pid --fork --kill-child --mount-proc)

skip() { echo "skipped: $*"; exit 77; }

if [[ ${4-} != --inside ]]; then
  ((EUID == 0)) || skip "hosts of one's own need root"
  "${namespaces[@]}" true 2>/dev/null || skip "this root may not make namespaces (a container without CAP_SYS_ADMIN?)"
  type ip >/dev/null 2>&1 || apt-get install -y -qq -o DPkg::Lock::Timeout=300 iproute2 >/dev/null || skip "no iproute2"
  exec "${namespaces[@]}" bash "$0" "$root" "$fgm" "$work" --inside
fi

output=$work/output
source "$root/tests/support/claims.sh"
source "$root/tests/support/tiny_distillation.sh"

on_host2() { nsenter --target "$host2" --net --uts --mount "$@"; }
is_apart() { [[ $(readlink "/proc/$host2/ns/net") != "$(readlink /proc/self/ns/net)" ]]; }

start_hosts() {
  printf '%s\n' "127.0.0.1 localhost" "10.0.0.1 host1" "10.0.0.2 host2" >hosts
  mount --bind hosts /etc/hosts
  hostname host1
  ip link set lo up
  unshare --net --uts --mount sleep infinity &
  host2=$!
  wait_until "the second host is there" is_apart
  ip link add cable type veth peer name cable netns "$host2"
  ip address add 10.0.0.1/24 dev cable
  ip link set cable up
  on_host2 hostname host2
  on_host2 ip link set lo up
  on_host2 ip address add 10.0.0.2/24 dev cable
  on_host2 ip link set cable up
  cat >agent <<END
#!/usr/bin/env bash
[[ \$1 == host2 ]] || exit 1
shift
exec nsenter --target $host2 --net --uts --mount bash -c "\$*"
END
  chmod +x agent
  export OMPI_MCA_plm_rsh_agent=$PWD/agent
}

make_inputs() {
  make_tiny_inputs "$fgm"
  "$fgm" train --config tiny.cfg --run other_teacher --data.store shapes.h5 --steps 1 --seed 2
}

# distill HOSTS FOLDER [options]: sets `code`; a run in FOLDER/run, so that two of them have the same paths inside.
distill() {
  local hosts=() folder=$2
  [[ $1 == one ]] || hosts=(--host host1:2,host2:2)
  mkdir -p "$folder"
  code=0
  (cd "$folder" && timeout 120 "$root/launch/scripts/mpirun" -n 4 "${hosts[@]}" "$fgm" distill --config ../tiny.cfg \
    --run run --data.store ../shapes.h5 --teacher.weights ../teacher "${@:3}") >"$output" 2>&1 || code=$?
}

said() { grep -qF -- "$1" "$output"; }
same_checkpoints() { diff -r --exclude manifest.json --exclude COMMIT --exclude OWNER "$1" "$2"; }

test_same_bytes() {
  distill one single --steps 4
  expect "4 ranks of one host finish" test $code = 0
  distill two double --steps 4
  expect "4 ranks of two hosts finish" test $code = 0
  expect "they are one job" said "4 rank(s)"
  expect "they compute the same" same_checkpoints single/run/checkpoints double/run/checkpoints
}

test_other_files() {
  on_host2 mount --bind "$work/other_teacher" "$work/teacher"
  distill two refused --steps 4
  on_host2 umount "$work/teacher"
  expect "another teacher on the second host is refused" test $code = 2
  expect "with the rank of that host" said "the host of rank 2 has other weights there"
}

has_saved() { compgen -G "lost/run/checkpoints/step-*/COMMIT" >/dev/null; }

test_lost_host() {
  (wait_until "a checkpoint" has_saved && on_host2 ip link set cable down) &
  distill two lost --steps 1000000 --run.save_every 10
  wait $!
  expect "a lost host ends the job" test $code != 0 -a $code != 124
  expect "the launcher says so" said "lost communication"
  pkill -KILL -x fgm || true  # a host that is off has no ranks
  local newest
  newest=$(ls lost/run/checkpoints | sed -n 's/^step-0*//p' | tail -n 1)
  distill one lost --steps $((newest + 2))
  expect "the run goes on on one host" test $code = 0
  expect "from its last checkpoint" said "going on from step $newest"
}

rm -rf "$work"
mkdir -p "$work"
cd "$work"
start_hosts
make_inputs >"$output" 2>&1
test_same_bytes
test_other_files
test_lost_host
end_of_claims
