"""Addresses: from any text to a URL and its host, from an IP address to its refusal."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address

from bot.feeds.fetch_errors import FeedError
from bot.feeds.known_sites import get_request_headers
from bot.feeds.parsing.entries import MAX_URL_CHARS, resolve_public_url
from bot.feeds.ssrf_guard import check_url, get_refusal_reason
from bot.text import urls
from tests.feeds.test_addresses import PRIVATE, PUBLIC
from tests.fuzz import output_checks
from tests.fuzz.fuzz_target import FuzzTarget

_IPV4_BYTES, _IPV6_BYTES = 4, 16
_TRANSLATION_PREFIX = int(IPv6Address("64:ff9b::"))


def check_address(data: bytes) -> None:
    """Judge four or sixteen bytes as an IP address, any bytes as its text, and read them as a typed URL."""
    if len(data) in (_IPV4_BYTES, _IPV6_BYTES):
        _check_refusal(ip_address(data))
    text = data.decode("utf-8", "replace")[:MAX_URL_CHARS]
    get_refusal_reason(text)
    try:
        checked_url = check_url(text)
    except FeedError:
        pass
    else:
        assert checked_url.scheme in {"http", "https"}
        assert checked_url.raw_host
        get_request_headers(checked_url.raw_host)
    try:
        typed_url = urls.normalize_typed_url(text)
    except ValueError:
        typed_url = ""
    for url in (text, typed_url):
        canonical_url = urls.canonicalize(url)
        output_checks.check_storable(canonical_url, 12 * MAX_URL_CHARS)
        assert urls.canonicalize(canonical_url) == canonical_url
        urls.redact(url)
        urls.has_secret(url)
        urls.has_credentials(url)
        urls.compute_page_key(url, None)
        public_url = resolve_public_url(url, "https://site.example/")
        output_checks.check_web_url(public_url, "public URL")
        if public_url is not None:
            assert not urls.has_credentials(public_url)
            _check_public_host(urls.parse_host(public_url))


def _check_refusal(address: IPv4Address | IPv6Address) -> None:
    """What the standard library calls private must be refused, except addresses of IPv4 within IPv6."""
    is_refused = get_refusal_reason(str(address)) is not None
    if isinstance(address, IPv6Address):
        embedded_address = address.ipv4_mapped or address.sixtofour
        if int(address) >> 32 == _TRANSLATION_PREFIX >> 32:
            embedded_address = IPv4Address(int(address) & 0xFFFFFFFF)
        if embedded_address is not None:
            assert is_refused or embedded_address.is_global, f"{address} is connected to"
            return
    assert is_refused or (address.is_global and not address.is_multicast), f"{address} is connected to"


def _check_public_host(host: str) -> None:
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        assert "." in host, f"the host {host!r} is not public"
        return
    _check_refusal(address)


def load_seeds() -> Iterator[bytes]:
    """Yield addresses of the tests, packed and as text, and URLs with them."""
    for address in [*PRIVATE, *PUBLIC]:
        yield address.encode()
        yield f"http://{f'[{address}]' if ':' in address else address}:8080/feed?key=1".encode()
        try:
            yield ip_address(address).packed
        except ValueError:
            continue
    yield from (
        b"https://user:pass@site.example/a/../b?utm_source=x&q=%zz#f",
        "site.exämple/é à".encode(),
        b"http://0x7f.1/",
        b"http://017700000001/",
        b"feed://site.example/rss",
        b"http://127.1/",
        b"http://[::ffff:127.0.0.1]/",
    )


TARGETS = (
    FuzzTarget(
        name="address",
        check=check_address,
        load_seeds=load_seeds,
        tokens=tuple(
            b"http:// https:// [:: ]/ ::ffff: 64:ff9b:: 2002: 5efe: 127.0.0.1 0x7f. @ %00 %2e%2e xn-- .. utm_source= "
            b"?key= #".split()
        ),
        max_bytes=512,
        max_cost_bytes=MAX_URL_CHARS,
    ),
)
