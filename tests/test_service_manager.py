"""Notifications to systemd: readiness and watchdog."""

import asyncio
import os
import socket

from bot.processes.service_manager import READY, get_watchdog_seconds, notify_service_manager, run_watchdog


async def test_systemd_is_notified_of_readiness_and_watchdog(tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "20000")
        notify_service_manager(READY)
        assert manager.recv(100) == b"READY=1"
        watchdog = asyncio.create_task(run_watchdog())
        loop = asyncio.get_running_loop()
        assert [await loop.sock_recv(manager, 100) for _ in range(3)] == [b"WATCHDOG=1"] * 3
        watchdog.cancel()


def test_nothing_is_sent_without_systemd(monkeypatch):
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"):
        monkeypatch.delenv(name, raising=False)
    notify_service_manager(READY)
    assert get_watchdog_seconds() is None
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    assert get_watchdog_seconds() == 30
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid() + 1))
    assert get_watchdog_seconds() is None
