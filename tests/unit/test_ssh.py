"""What clients.ssh makes of what ssh says, with a fake ssh whose words are OpenSSH 9.2's.

tests/lab/test_kolla_host.py runs the real one against a real SSH server.
"""

import base64
import hashlib
import os
import stat

import pytest

from clients import host_keys, ssh
from clients.errors import CloudError
from tests.managed_hosts import ssh_host

# It records what it was called with, and says what it was told to, in its log (-E FILE) and elsewhere.
FAKE = """#!/bin/sh
for word in "$@"; do printf '%s\\n' "$word"; done > "$FAKE/arguments"
env > "$FAKE/environment"
cat > "$FAKE/given"
[ "$1" = -E ] && cat "$FAKE/log" > "$2"
cat "$FAKE/stdout"
cat "$FAKE/stderr" >&2
exit $(cat "$FAKE/code")
"""
CHANGED = """@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
The fingerprint for the ED25519 key sent by the remote host is
SHA256:sS4vEXapZyrxPSc8WCSe+TVcQ9l72aSAnr9vTI04HDw.
Please contact your system administrator.
Host key verification failed.
"""
KEY = "ssh-ed25519 " + base64.b64encode(b"a key").decode()


def program(folder, name, text):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


class Fake:
    def __init__(self, folder):
        self.folder = folder
        self.says()

    def says(self, log="", code=0, stdout="", stderr=""):
        for name, text in {"log": log, "code": str(code), "stdout": stdout, "stderr": stderr}.items():
            (self.folder / name).write_text(text, encoding="utf-8")

    def recorded(self, name):
        return (self.folder / name).read_text(encoding="utf-8")


@pytest.fixture
def fake(tmp_path, monkeypatch):
    program(tmp_path, "ssh", FAKE)
    program(tmp_path, "ssh-keyscan", '#!/bin/sh\ncat "$FAKE/scanned" 2>/dev/null\n')
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("FAKE", str(tmp_path))
    return Fake(tmp_path)


@pytest.fixture
def host(tmp_path):
    key_file = tmp_path / "id"
    key_file.write_text("a private key", encoding="utf-8")
    return ssh_host(user="root", private_key_file=key_file, known_hosts_file=tmp_path / "known hosts")


def test_what_the_command_prints_is_returned(fake, host):
    fake.says(stdout="hé\n")
    assert ssh.run(host, ["cat", "a file"]) == "hé\n"
    assert fake.recorded("arguments").splitlines()[-2:] == ["10.0.0.21", "cat 'a file'"]


def test_a_secret_goes_by_standard_input_alone(fake, host):
    ssh.run(host, ["tee", "/etc/key"], given="hunter2")
    assert fake.recorded("given") == "hunter2"
    assert "hunter2" not in fake.recorded("arguments") + fake.recorded("environment")


def test_only_the_pinned_key_and_the_given_login_count(fake, host):
    ssh.run(host, ["true"])
    arguments = fake.recorded("arguments").splitlines()
    for wanted in (
        "BatchMode=yes",
        "StrictHostKeyChecking=yes",
        f'UserKnownHostsFile="{host.known_hosts_file}"',  # quoted: the path has a space
        "GlobalKnownHostsFile=/dev/null",
        "IdentitiesOnly=yes",
        f'IdentityFile="{host.private_key_file}"',
        "User=root",
        "ConnectTimeout=10",
        "ControlMaster=no",
    ):
        assert wanted in arguments


def test_another_user_than_root_runs_it_by_sudo_without_a_question(fake, tmp_path):
    host = ssh_host(private_key_file=tmp_path / "ssh", known_hosts_file=tmp_path / "known")
    ssh.run(host, "echo a; echo b")
    assert fake.recorded("arguments").splitlines()[-1] == "sudo -n sh -c 'echo a; echo b'"


def test_sudo_that_wants_a_password_is_a_refused_login(fake, tmp_path):
    host = ssh_host(private_key_file=tmp_path / "ssh", known_hosts_file=tmp_path / "known")
    fake.says(code=1, stderr="sudo: a password is required\n")
    with pytest.raises(ssh.LoginRefused, match=r"kolla may not become root there.*NOPASSWD"):
        ssh.run(host, ["true"])


@pytest.mark.parametrize(
    "message",
    [
        "ssh: connect to host 10.0.0.21 port 22: Connection refused\n",
        "ssh: connect to host 10.0.0.21 port 22: No route to host\n",
        "ssh: connect to host 10.0.0.21 port 22: Connection timed out\n",
        "ssh: Could not resolve hostname compute-1: Name or service not known\n",
    ],
)
def test_a_host_that_does_not_answer_is_unreachable_in_ssh_s_words(fake, host, message):
    fake.says(message, 255)
    with pytest.raises(ssh.HostUnreachable, match=message.strip()) as caught:
        ssh.run(host, ["true"])
    assert "host compute-1 (10.0.0.21 port 22) cannot be reached" in str(caught.value)


@pytest.mark.parametrize(
    ("log", "stderr"),
    [
        ("kex_exchange_identification: Connection closed by remote host\n", ""),
        ("Timeout, server 10.0.0.21 not responding.\n", ""),
        ("client_loop: send disconnect: Broken pipe\n", ""),
        ("", "Connection to 10.0.0.21 closed by remote host.\r\n"),
    ],
)
def test_a_connection_that_ends_half_way_has_hung_up(fake, host, log, stderr):
    fake.says(log, 255, stderr=stderr)
    with pytest.raises(ssh.HostUnreachable, match=r"compute-1 .* hung up half way"):
        ssh.run(host, ["true"])


def test_another_host_key_names_both_fingerprints_and_what_to_do(fake, host):
    host.known_hosts_file.write_text(host_keys.pin(host.address, host.port, KEY), encoding="utf-8")
    fake.says(CHANGED, 255)
    with pytest.raises(ssh.HostKeyMismatch) as caught:
        ssh.run(host, ["true"])
    expected = base64.b64encode(hashlib.sha256(b"a key").digest()).decode().rstrip("=")
    for part in (
        f"expected, SHA256:{expected}",
        "shows SHA256:sS4vEXapZyrxPSc8WCSe+TVcQ9l72aSAnr9vTI04HDw",
        "declare that key as host_key",
    ):
        assert part in str(caught.value)


def test_a_key_of_another_kind_is_asked_for_by_keyscan(fake, host):
    (fake.folder / "scanned").write_text(f"# a comment\n10.0.0.21 {KEY}\n", encoding="utf-8")
    fake.says("No RSA host key is known for 10.0.0.21.\nHost key verification failed.\n", 255)
    with pytest.raises(ssh.HostKeyMismatch, match=r"no key is pinned in .*known hosts") as caught:
        ssh.run(host, ["true"])
    assert host_keys.fingerprint(KEY) in str(caught.value)


def test_a_refused_login_names_user_and_key_file(fake, host):
    fake.says(
        f'Load key "{host.private_key_file}": bad permissions\nroot@10.0.0.21: Permission denied (publickey).\n',
        255,
    )
    with pytest.raises(ssh.LoginRefused, match=r"refuses user root with the key file .*id .bad permissions."):
        ssh.run(host, ["true"])


def test_a_missing_key_file_is_told_before_anything_runs(fake, host):
    host.private_key_file.unlink()
    with pytest.raises(ssh.LoginRefused, match=r"private key file .*id is not there"):
        ssh.run(host, ["true"])
    assert not (fake.folder / "arguments").exists()


@pytest.mark.parametrize("code", [1, 127, 255])
def test_the_command_s_own_failure_is_not_taken_for_ssh_s(fake, host, code):
    fake.says(code=code, stdout="half", stderr="first\nPermission denied\n")
    with pytest.raises(
        ssh.RemoteCommandFailed, match=f"`cat x` failed with exit code {code}: Permission denied"
    ) as caught:
        ssh.run(host, ["cat", "x"])
    assert caught.value.code == code


def test_a_command_that_does_not_end_is_given_up(fake, host):
    program(fake.folder, "ssh", "#!/bin/sh\nexec sleep 30\n")
    with pytest.raises(ssh.HostUnreachable, match=r"no end of `true` within"):
        ssh.run(host, ["true"], timeout=0.2)


def test_the_best_key_is_taken_and_none_where_no_server_answers(fake):
    (fake.folder / "scanned").write_text("h ssh-rsa AAAA\nh ssh-ed25519 BBBB\n", encoding="utf-8")
    assert host_keys.shown("h", 22, 1) == "ssh-ed25519 BBBB"
    (fake.folder / "scanned").unlink()
    assert host_keys.shown("h", 22, 1) is None


def test_a_port_of_its_own_is_part_of_the_pin():
    assert host_keys.pin("10.0.0.1", 22, f"{KEY} root@x") == f"10.0.0.1 {KEY}\n"
    assert host_keys.pin("10.0.0.1", 2022, KEY) == f"[10.0.0.1]:2022 {KEY}\n"


def test_what_is_no_key_has_no_fingerprint():
    with pytest.raises(CloudError, match="not a public SSH key"):
        host_keys.fingerprint("ssh-ed25519")
