"""The Python that forks for the tests' commands leaves no fork behind."""

import array
import socket

import pytest

from tests.warm import start

STREAMS = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))
HEADER = (500).to_bytes(4, "big")


@pytest.mark.parametrize("sent", [b"", HEADER, HEADER + b'{"step": '])
def test_a_client_that_is_killed_while_it_asks_ends_its_fork(sent):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(start.folder() / "socket"))
        if sent:
            client.sendmsg([sent], [STREAMS])
        client.shutdown(
            socket.SHUT_WR
        )  # as the kernel does it for a killed client; what the fork sends still arrives
        client.settimeout(60)
        assert client.recv(1) == b""  # the fork, which alone holds the other end, has ended
