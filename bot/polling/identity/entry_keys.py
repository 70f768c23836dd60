"""Keys by which entries are recognised: hashes of guid, link, title and content (runs in a worker).

Store and settings are not imported: they would double the memory of a worker.
"""

from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from bot.core.models import Entry
from bot.text.urls import canonicalize, compute_page_key, list_url_variants
from bot.text.words import normalize_title


class EntryKeys(NamedTuple):
    """Keys of an entry, and the attributes by which the entry is compared with articles.

    `weak_key` is a hash of the guid (else the link, else the content). `strong_key` is a hash also of link and title
    (and of the date, where entries differ by it alone), and is unique in the document. `is_weak_key_repeated`:
    several entries of the document have this weak key, so that it decides nothing; `repeat_marker` is the hash that is
    stored to say so. `is_link_shared`: several entries have this link, or several have none. `url` is canonical, ""
    without a link; `page_key` is the key of its page. `url_variant_keys` are the weak keys for the other variants of
    the guid, if that is a URL, else of the link. `published` is Unix time in seconds. `content_hash` is a hash of
    summary and text, b"" if there are none. `fingerprint` is a hash of all that readers see except the number of
    comments. `packed_entry` is the serialised entry.
    """

    weak_key: bytes
    strong_key: bytes
    repeat_marker: bytes
    is_weak_key_repeated: bool
    is_link_shared: bool
    url: str
    page_key: str
    url_variant_keys: tuple[bytes, ...]
    normalized_title: str
    published: int | None
    content_hash: bytes
    fingerprint: bytes
    comment_count: int | None
    packed_entry: bytes


def build_entry_keys(entries: Sequence[Entry]) -> tuple[EntryKeys, ...]:
    """Return the keys (hashes of identity) of a document's entries in document order, with duplicate entries once."""
    keyed_entries = [(*_compute_keys(entry), entry) for entry in entries]
    dates_by_strong_key: dict[bytes, set[int | None]] = {}
    for _, strong_key, _, entry in keyed_entries:
        dates_by_strong_key.setdefault(strong_key, set()).add(entry.published)
    unique_entries: dict[bytes, tuple[bytes, str, Entry]] = {}
    for weak_key, strong_key, url, entry in keyed_entries:
        if len(dates_by_strong_key[strong_key]) > 1:  # Guid, link and title are equal, only the dates differ.
            strong_key = _hash_parts(strong_key, str(entry.published))  # noqa: PLW2901 - the key with the date
        unique_entries.setdefault(strong_key, (weak_key, url, entry))
    weak_key_counts = Counter(weak_key for weak_key, _, _ in unique_entries.values())
    url_counts = Counter(url for _, url, _ in unique_entries.values())
    return tuple(
        EntryKeys(
            weak_key=weak_key,
            strong_key=strong_key,
            repeat_marker=_hash_parts("repeated", weak_key),
            is_weak_key_repeated=weak_key_counts[weak_key] > 1,
            is_link_shared=url_counts[url] > 1,
            url=url,
            page_key=compute_page_key(url) if url else "",
            url_variant_keys=_compute_variant_keys(entry.guid, url),
            normalized_title=normalize_title(entry.title),
            published=entry.published,
            content_hash=hash_content(entry.summary, entry.text),
            fingerprint=entry.fingerprint,
            comment_count=entry.comment_count,
            packed_entry=msgspec.msgpack.encode(entry),
        )
        for strong_key, (weak_key, url, entry) in unique_entries.items()
    )


def _compute_keys(entry: Entry) -> tuple[bytes, bytes, str]:
    """Return an entry's weak key (hash of guid, link or content), strong key (also link and title), canonical link."""
    url = canonicalize(entry.link) if entry.link else ""
    if entry.guid:
        # Publishers put tracking parameters and fragments also into guids that are URLs.
        weak_key = _hash_parts("guid", canonicalize(entry.guid) or entry.guid)
    elif url:
        weak_key = _hash_parts("link", url)
    else:
        weak_key = _hash_parts("content", entry.title, entry.text or entry.summary, str(entry.published))
    return weak_key, _hash_parts(weak_key, url, normalize_title(entry.title)), url


def _compute_variant_keys(guid: str | None, url: str) -> tuple[bytes, ...]:
    """Return an entry's hashes for other variants, such as http, of its guid or, without guid, of its link."""
    key_source, canonical_url = ("guid", canonicalize(guid)) if guid else ("link", url)
    return tuple(
        _hash_parts(key_source, url_variant)
        for url_variant in list_url_variants(canonical_url)
        if url_variant != canonical_url
    )


def hash_content(summary: str, text: str) -> bytes:
    """Return a hash of an entry's summary and text, or b"" if both are empty."""
    return _hash_parts(summary, text) if summary or text else b""


def build_link_keys(url: str) -> tuple[bytes, bytes]:
    """Return two hashes of a canonical URL: one identifies entries with it as guid, one those with it as link only."""
    return _hash_parts("guid", url), _hash_parts("link", url)


def _hash_parts(*parts: str | bytes) -> bytes:
    key_hasher = blake2b(digest_size=16)
    for part in parts:
        key_hasher.update(part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass"))
        key_hasher.update(b"\x00")
    return key_hasher.digest()
