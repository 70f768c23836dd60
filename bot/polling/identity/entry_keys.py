"""What tells entries apart, made where a document is parsed: names, link, title, date.

Runs in a worker, so nothing of the store or of settings is imported here: it would double a worker's weight.
"""

from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from bot.core.models import Entry
from bot.text.urls import canonicalize, page_key, url_variants
from bot.text.words import normalize_title


class EntryKeys(NamedTuple):
    """What is needed of an entry to tell whether it is known.

    `weak_key` names it by its guid (else its link, else its content), `strong_key` by link and title as well;
    no two sketches of a document have the same `strong_key`. `repeated`: several entries of the document have
    the same weak name, so that it decides nothing; `mark` is what a feed remembers that by. `shared`: several
    entries have the same link. `url` is canonical, "" for none; `page` names what is there in all its forms.
    `url_variant_keys` are the weak names of the other forms of its address. `content` names summary and text,
    b"" for none.
    """

    weak_key: bytes
    strong_key: bytes
    repeat_marker: bytes
    is_weak_key_repeated: bool
    is_link_shared: bool
    url: str
    page: str
    url_variant_keys: tuple[bytes, ...]
    title: str
    published: int | None
    content: bytes
    fingerprint: bytes
    packed_entry: bytes


def build_entry_keys(entries: Sequence[Entry]) -> tuple[EntryKeys, ...]:
    """The sketches of a document's entries, in its order; an entry that is there twice counts once."""
    named = [(*_names(entry), entry) for entry in entries]
    versions: dict[bytes, set[int | None]] = {}
    for _, strong, _, entry in named:
        versions.setdefault(strong, set()).add(entry.published)
    unique: dict[bytes, tuple[bytes, str, Entry]] = {}
    for weak, strong, url, entry in named:
        if len(versions[strong]) > 1:  # one guid, link and title, but several dates
            strong = _hash(strong, str(entry.published))  # noqa: PLW2901 - the same name, more exact
        unique.setdefault(strong, (weak, url, entry))
    by_weak = Counter(weak for weak, _, _ in unique.values())
    by_url = Counter(url for _, url, _ in unique.values())
    return tuple(
        EntryKeys(
            weak_key=weak,
            strong_key=strong,
            repeat_marker=_hash("repeated", weak),
            is_weak_key_repeated=by_weak[weak] > 1,
            is_link_shared=by_url[url] > 1,
            url=url,
            page=page_key(url) if url else "",
            url_variant_keys=_variants(entry.guid, url),
            title=normalize_title(entry.title),
            published=entry.published,
            content=content_hash(entry.summary, entry.text),
            fingerprint=entry.fingerprint,
            packed_entry=msgspec.msgpack.encode(entry),
        )
        for strong, (weak, url, entry) in unique.items()
    )


def _names(entry: Entry) -> tuple[bytes, bytes, str]:
    """The weak and the strong name of an entry, and its canonical link."""
    url = canonicalize(entry.link) if entry.link else ""
    if entry.guid:
        # Publishers put tracking parameters and fragments into guids that are addresses too.
        weak = _hash("guid", canonicalize(entry.guid) or entry.guid)
    elif url:
        weak = _hash("link", url)
    else:
        weak = _hash("content", entry.title, entry.text or entry.summary, str(entry.published))
    return weak, _hash(weak, url, normalize_title(entry.title)), url


def _variants(guid: str | None, url: str) -> tuple[bytes, ...]:
    """The weak names that an entry would have under the other forms of the address that names it."""
    kind, address = ("guid", canonicalize(guid)) if guid else ("link", url)
    return tuple(_hash(kind, form) for form in url_variants(address) if form != address)


def content_hash(summary: str, text: str) -> bytes:
    """A name of what an entry says below its title; b"" where that is nothing."""
    return _hash(summary, text) if summary or text else b""


def link_keys(url: str) -> tuple[bytes, bytes]:
    """The weak names of an entry whose guid, or whose link, is this canonical address."""
    return _hash("guid", url), _hash("link", url)


def _hash(*parts: str | bytes) -> bytes:
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass"))
        digest.update(b"\x00")
    return digest.digest()
