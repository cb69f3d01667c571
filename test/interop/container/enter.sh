#!/usr/bin/env bash
# The part of a container engine that tests need: enter.sh <folder> <overlay options> [mount …] -- command. To be run in
# namespaces of its own (unshare), as root; the command becomes this process. Mounts, in the order in which they are wanted:
#   dev | proc | net         a small /dev, /proc, a loopback that also answers to 192.0.2.2, as an address of a network would
#   tmpfs:<path>             writable by all
#   ro:<path>:<inside>, rw:<path>:<inside>
set -euo pipefail
root="$1"
mount -t overlay -o "$2" image "$root"
shift 2

device() {
  mknod -m 666 "$root/dev/$1" c "$2" "$3"
}

while [ "$1" != -- ]; do
  IFS=: read -r kind from to <<<"$1"
  case "$kind" in
    dev)
      mount -t tmpfs -o mode=755,nosuid dev "$root/dev"
      device null 1 3 && device zero 1 5 && device random 1 8 && device urandom 1 9
      ;;
    proc) mount -t proc proc "$root/proc" ;;
    net) ip link set lo up && ip addr add 192.0.2.2/32 dev lo ;;
    tmpfs) mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root$from" ;;
    ro) mount --bind "$from" "$root$to" && mount -o remount,bind,ro "$root$to" ;;
    rw) mount --bind "$from" "$root$to" ;;
    *) echo "enter.sh: what is $1?" >&2 && exit 2 ;;
  esac
  shift
done
shift
exec chroot "$root" "$@"
