#!/bin/sh
# What lab-qemu sees instead of this machine's own, in its mount and UTS namespaces. From its environment, HOME_LINK and
# HOME_FOLDER: the lab's short link, and where it leads.
set -eu

mount -t sysfs sysfs /sys

# A /run of its own: network namespaces of Neutron's DHCP agent and libvirt's sockets are nobody else's.
mount -t tmpfs -o mode=755 lab-run /run
mkdir -p /run/netns "${HOME_LINK%/*}"
ln -sfn "$HOME_FOLDER" "$HOME_LINK"

# libvirt has no option for these. The packages make the folders.
mkdir -p /etc/libvirt /var/lib/libvirt /var/cache/libvirt /var/log/libvirt
mount --bind "$HOME_FOLDER/etc/libvirt" /etc/libvirt
mount --bind "$HOME_FOLDER/data/libvirt/lib" /var/lib/libvirt
mount --bind "$HOME_FOLDER/data/libvirt/cache" /var/cache/libvirt
mount --bind "$HOME_FOLDER/data/libvirt/log" /var/log/libvirt

for file in passwd group hosts resolv.conf; do
    mount --bind "$HOME_FOLDER/data/qemu/$file" "$(realpath "/etc/$file")"
done
hostname lab-qemu
