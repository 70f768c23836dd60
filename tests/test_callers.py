"""The address of a client on the web, behind trusted proxies."""

from __future__ import annotations

from ipaddress import ip_network
from unittest.mock import Mock

from aiohttp.test_utils import make_mocked_request

from bot.client.web import client_address
from bot.core.configuration.settings import Settings
from bot.core.configuration.settings_reading import read_settings
from tests.support.cases import check_cases

DEFAULT = Settings().trusted_proxies
CONTAINERS = (ip_network("172.18.0.0/16"),)


@check_cases(
    ("remote", "lines", "trusted", "client"),
    [
        ("127.0.0.1", [], DEFAULT, "127.0.0.1"),
        ("127.0.0.1", ["192.0.2.7"], DEFAULT, "192.0.2.7"),
        ("::1", ["forged, 2001:db8::7"], DEFAULT, "2001:db8::7"),
        ("::ffff:127.0.0.1", ["forged", "192.0.2.7"], DEFAULT, "192.0.2.7"),
        ("192.168.0.9", ["forged"], DEFAULT, "192.168.0.9"),
        ("172.18.0.2", ["forged"], DEFAULT, "172.18.0.2"),
        ("172.18.0.2", ["192.0.2.7, 172.18.0.3"], CONTAINERS, "192.0.2.7"),
        ("127.0.0.1", ["forged"], CONTAINERS, "127.0.0.1"),
        ("127.0.0.1", ["127.0.0.1, ::1"], DEFAULT, "127.0.0.1"),
    ],
)
def test_only_trusted_proxies_name_client_address(remote, lines, trusted, client):
    transport = Mock(get_extra_info=lambda name: (remote, 1) if name == "peername" else None)
    headers = [("X-Forwarded-For", line) for line in lines]
    request = make_mocked_request("GET", "/", headers=headers, transport=transport)
    assert client_address.resolve_client_address(request, trusted) == client


def test_trusted_proxies_are_addresses_and_networks(monkeypatch):
    monkeypatch.setenv("TELEX_TRUSTED_PROXIES", "10.0.0.1, 172.18.0.0/16")
    assert read_settings().trusted_proxies == (ip_network("10.0.0.1"), *CONTAINERS)
