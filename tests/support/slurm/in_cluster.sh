#!/usr/bin/env bash
# in_cluster.sh NODES CPUS COMMAND...: runs COMMAND in a real Slurm of NODES nodes with CPUS cores each, made for it on this
# machine, and exits as it does. 77: there cannot be one here, and why.
#
# Daemons, COMMAND and its jobs live in namespaces of their own: they all end when this process does, however it ends;
# their ports are open to nobody else, and what they write lies on a tmpfs that goes with them. Root only.
set -euo pipefail
readonly here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly namespaces=(setpriv --pdeathsig KILL unshare --mount --uts --net --pid --fork --kill-child --mount-proc)
readonly packages="slurmctld slurmd slurm-client munge iproute2"

skip() { echo "in_cluster: skipped: $*"; exit 77; }
die() { echo "in_cluster: $*" >&2; exit 1; }

require_root() {
  ((EUID == 0)) || skip "a Slurm of one's own needs root"
  "${namespaces[@]}" true 2>/dev/null || skip "this root may not make namespaces (a container without CAP_SYS_ADMIN?)"
}

install_packages() {
  if type slurmctld slurmd srun munged ip >/dev/null 2>&1; then return; fi
  command -v apt-get >/dev/null || skip "Slurm is not installed and there is no apt-get"
  echo "in_cluster: installing $packages"
  apt-get update -qq || true
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 \
    $packages >/dev/null || die "apt-get could not install $packages"
}

# wait_until "what" COMMAND...: while the daemons come up.
wait_until() {
  local what=$1 deadline=$((SECONDS + 30))
  shift
  until timeout 5 "$@" >/dev/null 2>&1; do
    if ((SECONDS > deadline)); then
      tail -v -n 20 /etc/slurm/*.log >&2
      die "not after 30 s: $what"
    fi
    sleep 0.1
  done
}

# Addresses outside 127.0.0.0/8: where there is no other, the resolver knows no host. Open MPI needs to be told of lo.
start_network() {
  local node
  export OMPI_MCA_btl_tcp_if_include=lo
  hostname head
  ip link set lo up
  for node in $(seq "$num_nodes"); do
    ip address add "10.0.0.$node" dev lo
    echo "10.0.0.$node n$node"
  done >>/etc/slurm/hosts
  echo 127.0.0.1 localhost head >>/etc/slurm/hosts
  mount --bind /etc/slurm/hosts /etc/hosts
}

start_node() {  # start_node NAME
  mkdir -m 1777 "/etc/slurm/tmp.$1"
  # A host name for each node, or MPI would look for its peers on other nodes in shared memory.
  unshare --uts bash -c 'hostname "$1" && exec slurmd -D -N "$1"' - "$1" >"/etc/slurm/slurmd.$1.log" 2>&1 &
}

start_cluster() {
  mkdir -p /etc/slurm
  mount -t tmpfs fgm /etc/slurm
  mount -t tmpfs fgm /dev/shm
  mkdir -m 755 /etc/slurm/munge
  (umask 077 && head -c 1024 /dev/urandom >/etc/slurm/munge/key)
  sed "s/@NODES@/$num_nodes/g; s/@CPUS@/$num_cpus/" "$here/slurm.conf.in" >/etc/slurm/slurm.conf
  # The default has a peer leave MPI_Init's barrier early now and then: 1 start in 200 crashes.
  echo PMIxCollFence=ring >/etc/slurm/mpi.conf
  start_network

  local munge=/etc/slurm/munge node
  munged --foreground --key-file=$munge/key --socket=$munge/socket --pid-file=$munge/pid --seed-file=$munge/seed \
    --log-file=$munge/log >/etc/slurm/munged.log 2>&1 &
  wait_until "munged answers" test -S $munge/socket
  slurmctld -D -c >/etc/slurm/slurmctld.log 2>&1 &
  for node in $(seq "$num_nodes"); do start_node "n$node"; done
  wait_until "a job can use all $num_nodes nodes" srun --nodes "$num_nodes" true
}

if [[ $1 == --inside ]]; then
  num_nodes=$2 num_cpus=$3
  start_cluster
  "${@:4}"
else
  require_root
  install_packages
  "${namespaces[@]}" "${BASH_SOURCE[0]}" --inside "$@"
fi
