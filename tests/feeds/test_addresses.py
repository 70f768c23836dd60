"""Guard against server-side request forgery: private addresses in any notation."""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from bot.feeds.fetch import resolve_redirect
from bot.feeds.fetch_errors import BAD_REDIRECT, BAD_URL, FeedError
from bot.feeds.ssrf_guard import REFUSAL_TEXT, check_url, get_refusal_reason, list_special_networks, make_socket_factory
from tests.support.cases import check_cases

PRIVATE = [
    "127.0.0.1", "127.255.0.9", "10.0.0.1", "172.16.5.4", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "0.0.0.0", "0.1.2.3", "224.0.0.1", "239.1.2.3", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1",
    "192.88.99.1",
    "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "fec0::1", "ff02::1", "ff0e::1",
    "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "::ffff:0:0",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "64:ff9b:1::808:808",
    "2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:c0a8:101::5",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:20::1", "3fff::1", "100::1",
    "2a00:1450::5efe:7f00:1", "2a00:1450::200:5efe:10.0.0.1",
    "fd00::5efe:808:808", "fe80::200:5efe:808:808", "2002:808:808::5efe:a00:1",  # a public address in a private one
    "192.0.0.192", "168.63.129.16", "100.100.100.200", "fd00:ec2::254", "fd20:ce::254",  # metadata of clouds
    "::ffff:0:a00:1", "4000::1", "5f00::1", "100:0:0:1::1",
    "", "localhost", "1.2.3", "١٢٧.0.0.1",
]  # fmt: skip
PUBLIC = [
    "1.1.1.1", "93.184.216.34", "::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::1", "2606:4700::1111",
    "2a00:1450:4007:80c::200e",
]  # fmt: skip


ADDRESS = st.builds(
    "{}://{}{}{}".format,
    st.sampled_from(["http", "https"]),
    st.sampled_from(["127.0.0.1", "a.example", "xn--a.fr", "a..b", "-"]),
    st.sampled_from(["", ":80", ":443", ":59999", ":65535"]),
    st.text("abzAZ09_~!$&'()*+,;=:@./?-%#é [\\n").map("/{}".format) | st.just(""),
)


@given(ADDRESS)
def test_checked_url_equals_url_parsed_by_yarl(url):
    checked_url, yarl_url = check_url(url), URL(url)
    assert (checked_url.scheme, checked_url.raw_host, checked_url.port) == (
        yarl_url.scheme,
        yarl_url.raw_host,
        yarl_url.port,
    )
    assert (checked_url.raw_path, checked_url.raw_query_string) == (
        yarl_url.raw_path,
        yarl_url.raw_query_string,
    )


@check_cases("address", PRIVATE)
def test_private_or_special_address_is_refused(address):
    assert get_refusal_reason(address) is not None


@check_cases("address", PUBLIC)
def test_public_address_is_accepted(address):
    assert get_refusal_reason(address) is None


def test_allowed_network_covers_mapped_addresses_only():
    allow = (ip_network("127.0.0.0/8"), ip_network("fd00::/8"))
    for address in ("127.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "fd00::1", "fd00::5efe:7f00:1"):
        assert get_refusal_reason(address, allow) is None
    for address in ("10.0.0.1", "::1", "fc00::1", "fd00::5efe:a00:1"):
        assert get_refusal_reason(address, allow) is not None
    assert get_refusal_reason("::1", (ip_network("::1"),)) is None


EMBEDDINGS = {
    "mapped": "::ffff:0:0", "compatible": "::", "NAT64": "64:ff9b::", "6to4": "2002::",
    "ISATAP": "2a00:1450::5efe:0:0", "ISATAP of a public address": "2a00:1450::200:5efe:0:0",
    "private ISATAP": "fd00::5efe:0:0", "link-local ISATAP": "fe80::200:5efe:0:0",
}  # fmt: skip
PRIVATE_OUTSIDE = {"private ISATAP": ip_network("fc00::/7"), "link-local ISATAP": ip_network("fe80::/10")}


def embed(address, embedding):
    return IPv6Address(int(IPv6Address(EMBEDDINGS[embedding])) | int(address) << (80 if embedding == "6to4" else 0))


def list_addresses_decided_by(special):
    """Return the ends of a network, as far as no smaller one contains them."""
    network = special.network
    smaller = [other.network for other in list_special_networks() if other.network.prefixlen > network.prefixlen]
    ends = {network[0], network[1 if network.num_addresses > 1 else 0], network[-1]}
    return [address for address in ends if not any(address in other for other in smaller)]


def test_special_network_is_reached_only_as_registries_say_or_operator_allows():
    for special in list_special_networks():
        for address in list_addresses_decided_by(special):
            if not special.reachability.isdecimal():
                assert (get_refusal_reason(str(address)) is None) == (special.reachability == "yes"), address
                assert get_refusal_reason(str(address), [special.network]) is None, address
    assert {special.network.version for special in list_special_networks()} == {4, 6}


@pytest.mark.parametrize("embedding", EMBEDDINGS)
def test_ipv4_address_in_ipv6_address_is_reached_only_if_both_are(embedding):
    outside = PRIVATE_OUTSIDE.get(embedding)
    allowed_outside = [] if outside is None else [outside]
    assert (get_refusal_reason(str(embed(IPv4Address("8.8.8.8"), embedding))) is None) == (outside is None)
    for special in list_special_networks():
        if special.network.version == 6 or special.reachability == "yes":
            continue
        for address in list_addresses_decided_by(special):
            if embedding == "compatible" and int(address) < 2:
                continue  # `::` and `::1` embed nothing.
            text = str(embed(address, embedding))
            assert get_refusal_reason(text) is not None, text
            assert get_refusal_reason(text, allowed_outside) is not None, text
            assert (get_refusal_reason(text, [special.network]) is None) == (outside is None), text
            assert get_refusal_reason(text, [special.network, *allowed_outside]) is None, text


@given(st.ip_addresses())
def test_accepted_address_is_global(address):
    if get_refusal_reason(str(address)) is None:
        parsed = ip_address(str(address))
        is_special = any(
            parsed in special.network for special in list_special_networks() if special.name != "Global unicast"
        )
        assert parsed.is_global or is_special  # Python's own list lags behind the registries.
        assert not parsed.is_multicast


@check_cases(
    "url",
    ["", "x", "ftp://site.example/", "tcp://127.0.0.1/", "file:///etc/passwd", "http://", "http:///x", "https://[::1",
     "http://x:99999/", "//site.example/", "unix://x", "javascript:alert(1)", "data:text/xml,<rss/>"],
)  # fmt: skip
def test_url_outside_the_web_is_refused(url):
    with pytest.raises(FeedError) as caught:
        check_url(url)
    assert caught.value.code == BAD_URL


def test_no_socket_is_created_for_refused_address():
    make_socket = make_socket_factory(())
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::ffff:10.0.0.1")):
        with pytest.raises(PermissionError, match=REFUSAL_TEXT):
            make_socket((family, socket.SOCK_STREAM, 0, "", (address, 80)))
    make_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("1.1.1.1", 80))).close()


@check_cases("url", ["http://[::1]@/", "https://[fd15::5efe:808:808]:808@/feed"])
def test_empty_host_after_brackets_is_no_url(url):
    with pytest.raises(FeedError) as refusal:
        check_url(url)
    assert refusal.value.code == BAD_URL
    with pytest.raises(FeedError) as redirect_refusal:
        resolve_redirect(URL("https://news.example/feed"), url, {})
    assert redirect_refusal.value.code == BAD_REDIRECT
