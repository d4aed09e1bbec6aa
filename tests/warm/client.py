"""Stands where Python would be started: asks the server for a fork, hands it signals, and ends as it ends."""

import array
import json
import os
import signal
import socket
import sys

PARENT_S = 1  # how often it looks whether its parent is still there


def main() -> int:
    parent = os.getppid()
    connection = socket.socket(socket.AF_UNIX)
    connection.connect("SOCKET")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _: connection.send(bytes([received])))
    message = json.dumps(
        {"step": "STEP", "words": sys.argv, "cwd": os.getcwd(), "environment": dict(os.environ)}  # noqa: PTH109 - no more imports than it needs
    ).encode()
    streams = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))
    connection.sendmsg([len(message).to_bytes(4, "big")], [streams])
    connection.sendall(message)
    for stream in (0, 1, 2):
        os.close(stream)  # the fork's end is the end of its output
    connection.settimeout(PARENT_S)
    while os.getppid() == parent:
        try:
            code = connection.recv(1)
        except TimeoutError:
            continue
        return code[0] if code else 1
    return 1


if __name__ == "__main__":
    os._exit(main())
