"""A host restarted, and seen to be back by another boot id."""

import time

from clients import ssh
from clients.errors import CloudError
from clients.progress import log_line
from clients.ssh import SshHost

POLL_S = 5
_LOG_EVERY_S = 30
_CUT_OFF = (255, 143)  # ssh's own exit code, and that of a program ended by SIGTERM: the shutdown was quicker


def boot_id(host: SshHost) -> str:
    """Name the current boot; another one after each restart."""
    return ssh.run(host, ["cat", "/proc/sys/kernel/random/boot_id"]).strip()


def restart(host: SshHost, within: float) -> None:
    """Restart the host and wait until it lets us in again, for as many seconds as WITHIN."""
    before = boot_id(host)
    log_line(f"{host.name}: restarting")
    try:
        ssh.run(host, ["systemctl", "reboot"])
    except ssh.HostUnreachable:
        pass  # it hung up, as it should
    except ssh.RemoteCommandFailed as error:
        if error.code not in _CUT_OFF:
            raise
    wait_for(host, within, not_boot=before)


def wait_for(host: SshHost, within: float, *, not_boot: str | None = None) -> None:
    """Wait until the host lets us in, and where NOT_BOOT is given, in another boot than that."""
    started = last_line = time.monotonic()
    while True:
        try:
            if boot_id(host) != not_boot:
                return
            why = "it is still up and has not restarted"
        # Refused: while the system boots (pam_nologin). Failed: cut off by the shutdown.
        except (ssh.HostUnreachable, ssh.LoginRefused, ssh.RemoteCommandFailed) as error:
            why = str(error)
        now = time.monotonic()
        if now - started >= within:
            restarted = "did not come back after the restart" if not_boot else "did not answer"
            raise CloudError(
                f"{host.where} {restarted} within {within:.0f} s ({why}); look at its console, and if the image does "
                "not boot, choose the former one in the boot menu"
            )
        if now - last_line >= _LOG_EVERY_S:
            last_line = now
            log_line(
                f"{host.name}: waiting until it is back ({now - started:.0f} s of at most {within:.0f} s)"
            )
        time.sleep(POLL_S)
