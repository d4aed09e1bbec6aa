#cloud-boothook
#!/bin/sh
# Mounts the owner's volume at /home, at each boot. A file system is made only on a volume that has nothing but zeros on it.
device=/dev/disk/by-id/virtio-@SERIAL@
for attempt in 1 2 3 4 5 6 7 8 9 10; do
    [ -b "$device" ] && break
    sleep 1
done
[ -b "$device" ] || { echo "home: there is no $device" > /dev/console; exit 1; }
grep -q " /home " /proc/mounts && exit 0
cmp -s -n 1048576 "$device" /dev/zero && mkfs.ext4 -q -L home "$device"
mkdir -p /home
mount "$device" /home || { echo "home: $device is not mounted" > /dev/console; exit 1; }
echo "home: mounted" > /dev/console
