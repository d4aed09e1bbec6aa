#!/bin/sh
# Run a program on lab-qemu: enter.sh CONTROL-GROUP MOUNT-AND-UTS-NAMESPACES NETWORK-NAMESPACE PROGRAM...
# It stays the same process, so that the supervisor stops the program itself. What it starts stays in the control
# group, whichever session or parent it gives itself.
set -eu
echo $$ > "$1/cgroup.procs"
kept=$2 network=$3
shift 3
exec nsenter --mount="$kept/mnt" --uts="$kept/uts" --net="$network" -- "$@"
