#!/bin/sh
# What lab-qemu sees instead of this machine's own, in its mount and UTS namespaces. From its environment, HOME_LINK and
# HOME_FOLDER: the lab's short link, and where it leads.
set -eu

mount -t sysfs sysfs /sys

# A /run of its own: network namespaces of Neutron's DHCP agent and libvirt's sockets are nobody else's.
mount -t tmpfs -o mode=755 lab-run /run
mkdir -p /run/netns "${HOME_LINK%/*}"
ln -sfn "$HOME_FOLDER" "$HOME_LINK"

# A copy of /etc: a mount over one file would go as soon as this machine replaces the file, as installing a package does
# with passwd.
cp -a /etc /run/etc
mount --bind /run/etc /etc
for file in passwd group hosts resolv.conf; do
    rm -f "/etc/$file"
    cp "$HOME_FOLDER/data/qemu/$file" "/etc/$file"
done

# libvirt has no option for these. The packages make the folders.
mkdir -p /etc/libvirt /var/lib/libvirt /var/cache/libvirt /var/log/libvirt
mount --bind "$HOME_FOLDER/etc/libvirt" /etc/libvirt
mount --bind "$HOME_FOLDER/data/libvirt/lib" /var/lib/libvirt
mount --bind "$HOME_FOLDER/data/libvirt/cache" /var/cache/libvirt
mount --bind "$HOME_FOLDER/data/libvirt/log" /var/log/libvirt
hostname lab-qemu
