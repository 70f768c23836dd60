"""Messages to the service manager systemd: the service is ready, and its event loop still runs.

See sd_notify(3) and sd_watchdog_enabled(3).
"""

import asyncio
import os
import socket

READY = "READY=1"
"""Message to systemd that the service has started."""
_ALIVE = "WATCHDOG=1"


def notify_service_manager(message: str) -> None:
    """Send a message to systemd; do nothing if systemd did not start this process as a notifying service."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notification_socket:
        notification_socket.connect("\0" + address[1:] if address.startswith("@") else address)
        notification_socket.send(message.encode())


def get_watchdog_seconds() -> float | None:
    """Return after how many seconds without a message systemd restarts this process, or None if it never does."""
    is_other_process = os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid())
    microseconds = int(os.environ.get("WATCHDOG_USEC") or 0)
    return None if is_other_process or not microseconds else microseconds / 1_000_000


async def run_watchdog() -> None:
    """Tell systemd that the event loop runs, twice in each period of its watchdog; return if it has none."""
    while (period_seconds := get_watchdog_seconds()) is not None:
        notify_service_manager(_ALIVE)
        await asyncio.sleep(period_seconds / 2)
