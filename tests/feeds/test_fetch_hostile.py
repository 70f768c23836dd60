"""Fetching from hostile or broken servers: limits of size, time and reachable addresses."""

from __future__ import annotations

import asyncio
import gzip
import shutil
import socket
import ssl
import subprocess
import sys
import zlib
from contextlib import suppress
from dataclasses import replace
from functools import partial
from ipaddress import ip_network

import brotli
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import AsyncResolver

from bot.core.models import Validators
from bot.feeds import fetch, fetch_errors
from bot.feeds.decompress import INPUT_CHUNK_BYTES, MAX_MEMBERS, decompress
from bot.feeds.fetch import Fetcher
from bot.feeds.fetch_errors import FeedError
from tests.feeds.conftest import fetch_error_code
from tests.support.cases import check_cases
from tests.support.feed_server import make_rss, make_rss_item

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

BODY = make_rss(*(make_rss_item(number) for number in range(20))).encode()


# -- size and time


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "deflate", "raw deflate", "br", "zstd", "identity", "gzip, br"])
async def test_body_is_decoded_from_every_accepted_encoding(fetcher, feed_server, coding):
    bare = zlib.compressobj(wbits=-15)
    packed = {
        "gzip": gzip.compress(BODY),
        "x-gzip": gzip.compress(BODY[:1000]) + gzip.compress(BODY[1000:]),
        "deflate": zlib.compress(BODY),
        "raw deflate": bare.compress(BODY) + bare.flush(),
        "br": brotli.compress(BODY),
        "zstd": zstd.compress(BODY[:1000]) + zstd.compress(BODY[1000:]),
        "identity": BODY,
        "gzip, br": brotli.compress(gzip.compress(BODY)),
    }[coding]
    url = feed_server.serve("/feed", packed, headers={"Content-Encoding": coding.removeprefix("raw ")})
    assert (await fetcher.get(url)).body == BODY


async def test_body_with_wrong_content_encoding_is_read(fetcher, feed_server):
    plain = feed_server.serve("/plain", BODY, headers={"Content-Encoding": "gzip"})
    packed = feed_server.serve("/packed", gzip.compress(BODY))
    assert (await fetcher.get(plain)).body == BODY
    assert (await fetcher.get(packed)).body == BODY


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
async def test_decompression_bomb_is_too_large_and_does_not_block_loop(fetcher, feed_server, coding):
    zeros = bytes(64 * 2**20)
    pack = {"gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress, "zstd": zstd.compress}[coding]
    packed = pack(zeros) if coding != "br" else brotli.compress(zeros, quality=1)
    url = feed_server.serve("/feed", packed, headers={"Content-Encoding": coding})
    assert len(packed) < 10**5
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count_turns())
    assert await fetch_error_code(fetcher, url, max_bytes=16 * 2**20) == fetch_errors.TOO_LARGE
    counting.cancel()
    assert turns > 16


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
async def test_body_of_many_empty_members_is_rejected(coding):
    member = {"gzip": gzip.compress(b""), "zstd": zstd.compress(b"")}[coding]
    few, many = member * MAX_MEMBERS, member * (MAX_MEMBERS + 1)
    assert await decompress(few, coding, 100) == b""
    with pytest.raises(FeedError) as caught:
        await decompress(many, coding, 100)
    assert caught.value.code == fetch_errors.BAD_ENCODING


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
async def test_other_tasks_run_while_body_with_little_content_is_read(coding):
    """The bodies are long and yield (nearly) nothing, so that counting decompressed bytes would not show their cost."""
    stored_block = b"\x00\x00\x00\xff\xff"  # Deflate, RFC 1951 §3.2.4: a block of no bytes
    empty_zstd_block = b"\x00\x00\x00"  # RFC 8878 §3.1.1.2
    packer = zlib.compressobj(wbits=31)
    size = 2**20
    body = {
        "gzip": packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH) + stored_block * (size // 5),
        "deflate": b"\x78\x9c" + stored_block * (size // 5),
        "br": b"",
        "zstd": b"\x28\xb5\x2f\xfd\x20\x00" + empty_zstd_block * (size // 3),
    }[coding]
    if coding == "br":
        compressor = brotli.Compressor(quality=0)
        body = b"".join(compressor.process(b"x") + compressor.flush() for _ in range(size // 8))
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count_turns())
    with suppress(FeedError):  # It is cut short.
        await decompress(body, coding, 2**20)
    counting.cancel()
    assert turns >= len(body) // INPUT_CHUNK_BYTES


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
async def test_truncated_or_corrupt_compressed_body_is_an_error(fetcher, feed_server, coding):
    pack = {"gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress, "zstd": zstd.compress}[coding]
    packed = pack(BODY)
    short = feed_server.serve("/short", packed[:-20], headers={"Content-Encoding": coding})
    assert await fetch_error_code(fetcher, short) == fetch_errors.TRUNCATED_BODY
    mangled = packed[:15] + bytes(byte ^ 0x5A for byte in packed[15:])
    broken = feed_server.serve("/broken", mangled, headers={"Content-Encoding": coding})
    assert await fetch_error_code(fetcher, broken) in {fetch_errors.BAD_ENCODING, fetch_errors.TRUNCATED_BODY}


async def test_unknown_or_too_many_encodings_are_errors(fetcher, feed_server):
    for coding in ("rot13", ", ".join(["gzip"] * 20)):
        url = feed_server.serve("/feed", BODY, headers={"Content-Encoding": coding})
        assert await fetch_error_code(fetcher, url) == fetch_errors.BAD_ENCODING


async def test_reading_stops_at_size_limit(fetcher, raw_server):
    async def send_endless_body(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
            await writer.drain()

    async def announce_huge_body(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n<rss>")
        await writer.drain()
        await asyncio.sleep(60)

    for answer in (send_endless_body, announce_huge_body):
        assert await fetch_error_code(fetcher, await raw_server(answer), max_bytes=2**20) == fetch_errors.TOO_LARGE


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n<rss>",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<rss>\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n500\r\n<rss>",
    ],
)
async def test_truncated_body_is_an_error(fetcher, raw_server, head):
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        await writer.drain()

    assert await fetch_error_code(fetcher, await raw_server(answer)) == fetch_errors.TRUNCATED_BODY


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 5",  # the body is longer
        b"Content-Length: -1",
        b"Content-Length: 5\r\nContent-Length: 7",
        b"Content-Length: five",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked",  # no chunk begins with <
    ],
    ids=["too short", "negative", "two lengths", "not a number", "length and chunked", "no chunk"],
)
async def test_wrong_content_length_is_an_error(fetcher, raw_server, head):
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n<rss></rss> and more")
        await writer.drain()

    assert await fetch_error_code(fetcher, await raw_server(answer)) in {
        fetch_errors.INVALID_RESPONSE,
        fetch_errors.TRUNCATED_BODY,
    }


@pytest.mark.parametrize("step", ["head", "body", "nothing"])
async def test_slow_server_times_out(raw_server, settings, step):
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if step == "body":
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write({"head": b"HTTP/1.1 200 OK\r\nX-Drip: 1\r\n", "body": b"x", "nothing": b""}[step][:9])
            await writer.drain()
            await asyncio.sleep(0.01)

    url = await raw_server(answer)
    async with Fetcher(replace(settings, fetch_timeout=0.1)) as fetcher:
        assert await fetch_error_code(fetcher, url) in (
            {fetch_errors.INVALID_RESPONSE, fetch_errors.TIMEOUT} if step == "head" else {fetch_errors.TIMEOUT}
        )


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x00\x01\x02\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 10**6,
        b"220 smtp.example ESMTP\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
    ],
    ids=["empty", "binary", "endless header", "SMTP", "invalid status"],
)
async def test_response_that_is_not_http_is_an_error(fetcher, raw_server, answer):
    async def reply(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    assert await fetch_error_code(fetcher, await raw_server(reply)) in {
        fetch_errors.INVALID_RESPONSE,
        fetch_errors.CONNECTION_FAILED,
    }


class _FailingResolver(AbstractResolver):
    """A resolver that finds no name."""

    def __init__(self, **_: object) -> None: ...

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        raise OSError(None, "Domain name not found")

    async def close(self) -> None: ...


async def test_refused_connection_and_unknown_name_are_different_errors(settings, monkeypatch):
    monkeypatch.setattr(fetch, "AsyncResolver", _FailingResolver)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    async with Fetcher(settings) as fetcher:
        assert await fetch_error_code(fetcher, f"http://127.0.0.1:{port}/") == fetch_errors.CONNECTION_FAILED
        assert await fetch_error_code(fetcher, "http://no-such-name.invalid/") == fetch_errors.DNS_NOT_FOUND


async def test_unreachable_dns_server_is_not_reported_as_unknown_name(settings, monkeypatch):
    unreachable_resolver = partial(AsyncResolver, nameservers=["127.0.0.1"], udp_port=1, tcp_port=1)
    monkeypatch.setattr(fetch, "AsyncResolver", unreachable_resolver)
    monkeypatch.setattr(fetch, "DNS_TIMEOUT_SECONDS", 0.2)
    async with Fetcher(settings) as fetcher:
        assert await fetch_error_code(fetcher, "http://site.example/") == fetch_errors.DNS_UNAVAILABLE


@check_cases(
    "host",
    ["a" * 300 + ".example", "a..example", ".example", "xn--\u2764.example", "ex\u0000ample", "%00.example",
     "a b.example", "\u202e.example", "site.example:0",
     "*.example", "_x.example", "-.example", "x" * 64 + ".example"],
)  # fmt: skip
async def test_invalid_host_name_is_an_error(settings, monkeypatch, host):
    monkeypatch.setattr(fetch, "DNS_TIMEOUT_SECONDS", 0.2)
    async with Fetcher(settings) as fetcher:
        assert await fetch_error_code(fetcher, f"http://{host}/") in {
            fetch_errors.BAD_URL,
            fetch_errors.DNS_NOT_FOUND,
            fetch_errors.DNS_UNAVAILABLE,
        }


async def test_validator_with_invalid_bytes_can_be_sent_back(fetcher, raw_server):
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'HTTP/1.1 200 OK\r\nETag: "\xff\xe9t\xc3\xa9"\r\nContent-Length: 2\r\n\r\nok')
        await writer.drain()

    url = await raw_server(answer)
    etag = (await fetcher.get(url)).get_header("etag")
    assert etag == '"té"'
    assert (await fetcher.get(url, validators=Validators(etag=etag))).body == b"ok"


async def test_plain_http_server_fails_tls(fetcher, feed_server):
    feed_server.serve("/feed", BODY)
    assert (
        await fetch_error_code(fetcher, feed_server.origin.replace("http:", "https:") + "/feed")
        == fetch_errors.TLS_FAILED
    )


async def test_self_signed_certificate_fails_tls(fetcher, tmp_path):
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs openssl to make a certificate")
    openssl_process = await asyncio.create_subprocess_shell(
        f"{openssl} req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 1 -subj /CN=x",
        cwd=tmp_path,
        stderr=subprocess.DEVNULL,
    )
    await openssl_process.wait()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(FeedError, match="self-signed") as caught:
            await fetcher.get(f"https://127.0.0.1:{port}/")
    assert caught.value.code == fetch_errors.TLS_FAILED


# -- addresses


@check_cases(
    "host",
    [
        "127.0.0.1", "2130706433", "0x7f.1", "017700000001", "127.1", "①②⑦.⓪.⓪.①",
        "localhost", "0", "[::1]", "[::]",
        "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::127.0.0.1]",
    ],
)  # fmt: skip
async def test_loopback_address_in_any_notation_gets_no_connection(feed_server, settings, monkeypatch, host):
    monkeypatch.setattr(fetch, "DNS_TIMEOUT_SECONDS", 0.2)
    feed_server.serve("/feed", BODY)
    port = feed_server.origin.rpartition(":")[2]
    async with Fetcher(replace(settings, allow_private_addresses=())) as fetcher:
        code = await fetch_error_code(fetcher, f"http://{host}:{port}/feed")
    assert code in {
        fetch_errors.REFUSED_ADDRESS,
        fetch_errors.DNS_NOT_FOUND,
        fetch_errors.DNS_UNAVAILABLE,
        fetch_errors.BAD_URL,
    }
    assert feed_server.visits == []


class _RebindingResolver(AbstractResolver):
    """A resolver that returns the next of its answers at each look-up, and the last one from then on."""

    answers: list[list[str]]

    def __init__(self, **_: object) -> None:
        self._remaining_answers = list(self.answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        answer = self._remaining_answers.pop(0) if len(self._remaining_answers) > 1 else self._remaining_answers[0]
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0) for address in answer
        ]

    async def close(self) -> None: ...


@pytest.mark.parametrize(
    "answers",
    [
        [["127.0.0.1"]],
        [
            ["127.0.0.2"],
            ["127.0.0.1"],
        ],  # a public address (an allowed one stands for it), then a private one
        [["127.0.0.2", "127.0.0.1"]],  # both at once; the first does not answer
        [["127.0.0.2"], ["::ffff:127.0.0.1"]],
    ],
    ids=["private", "public, then private", "public and private", "public, then mapped private"],
)
async def test_dns_rebinding_gets_no_connection(feed_server, settings, monkeypatch, answers):
    feed_server.serve("/feed", BODY)
    port = feed_server.origin.rpartition(":")[2]
    monkeypatch.setattr(_RebindingResolver, "answers", answers, raising=False)
    monkeypatch.setattr(fetch, "AsyncResolver", _RebindingResolver)
    public = (ip_network("127.0.0.2/32"),)
    async with Fetcher(replace(settings, allow_private_addresses=public)) as fetcher:
        codes = [await fetch_error_code(fetcher, f"http://site{n}.example:{port}/feed") for n in range(3)]
    assert codes[-1] in {fetch_errors.REFUSED_ADDRESS, fetch_errors.CONNECTION_FAILED}
    assert len(answers) == 1 or codes[-1] == fetch_errors.REFUSED_ADDRESS
    assert feed_server.visits == []


async def test_only_allowed_private_addresses_are_fetched(feed_server, settings):
    url = feed_server.serve("/feed", BODY)
    async with Fetcher(replace(settings, allow_private_addresses=(ip_network("127.0.0.1/32"),))) as fetcher:
        assert (await fetcher.get(url)).body == BODY
        assert await fetch_error_code(fetcher, url.replace("127.0.0.1", "127.0.0.2")) == fetch_errors.REFUSED_ADDRESS
