#!/bin/sh
# Boot a simulated host and stay in the foreground until it is gone. Run in a mount namespace of its own, so that
# nothing it mounts can be left behind:  unshare --mount --propagation private sh boot.sh
# From its environment: HOST_NAME, HOST_FOLDER, HOST_ROOT, HOST_NETWORK (namespace), HOST_CGROUP, HOST_DISKS.
set -eu

# Control groups as Debian has them, in one hierarchy, also where this machine has the former many: there the
# container engine inside can limit nothing. The host gets one of its own, which it takes for the root.
groups=/sys/fs/cgroup
if [ ! -f "$groups/cgroup.procs" ]; then
    umount --recursive "$groups" 2> /dev/null || true
    mount -t cgroup2 cgroup2 "$groups"
fi
group=$groups/$HOST_CGROUP
mkdir -p "$group"
# A systemd-nspawn that was killed leaves the host running, with nobody who would know of it.
echo 1 > "$group/cgroup.kill"
while grep -q "populated 1" "$group/cgroup.events"; do sleep 0.1; done
echo $$ > "$group/cgroup.procs"

cd "$HOST_FOLDER"
mkdir -p upper work merged docker

# Disks: loop devices, whose nodes and names under /dev/disk/by-id systemd-tmpfiles makes inside. Where a machine
# has no loop devices to give, the names lead to the files themselves.
rm -rf layer.booted
cp -a layer layer.booted
mkdir -p layer.booted/etc/tmpfiles.d
nodes=layer.booted/etc/tmpfiles.d/lab-disks.conf
echo "d /dev/disk/by-id 0755 root root -" > "$nodes"
for disk in $HOST_DISKS; do
    device=$(losetup --noheadings --output NAME --associated "disks/$disk" | head -n 1)
    [ -n "$device" ] || device=$(losetup --find --show "disks/$disk") || true
    if [ -z "$device" ]; then
        echo "L+ /dev/disk/by-id/$disk - - - - /lab-disks/$disk" >> "$nodes"
        continue
    fi
    node=${device#/dev/}
    echo "b+ /dev/$node 0660 root disk - $(stat -c '%Hr:%Lr' "$device")" >> "$nodes"
    echo "L+ /dev/disk/by-id/$disk - - - - ../../$node" >> "$nodes"
done

mount -t overlay overlay -o "lowerdir=layer.booted:$HOST_ROOT,upperdir=upper,workdir=work" merged
# Of /proc/sys only what belongs to the network namespace can be written: the rest is the machine's. The clock is
# the machine's, too. Without the filter of system calls, which would stand in the container engine's way.
export SYSTEMD_NSPAWN_API_VFS_WRITABLE=network SYSTEMD_SECCOMP=0
exec systemd-nspawn --quiet --boot --directory="$PWD/merged" --machine="$HOST_CGROUP" --hostname="$HOST_NAME" \
    --network-namespace-path="/run/netns/$HOST_NETWORK" --keep-unit --register=no --settings=no --link-journal=no \
    --resolv-conf=off --timezone=off --console=pipe \
    --capability=all --drop-capability=CAP_SYS_TIME --bind="$PWD/docker:/var/lib/docker" \
    --bind="$PWD/disks:/lab-disks"
