"""Parsing of feed documents. Runs in a worker: a document may hang or crash the parser, or use up memory."""

import re
from hashlib import blake2b

from bot.core.models import ParsedFeed
from bot.feeds.fetch_errors import BAD_ENCODING, NOT_A_FEED, PARSER_CRASHED, FeedError
from bot.feeds.parsing.jsonfeed import parse_json
from bot.feeds.parsing.xmlfeed import parse_xml

_FIRST_ENTRY_PATTERN = re.compile(rb"<(?:[A-Za-z][\w.-]{0,19}:)?(?:item|entry)[\s>/]")
_HEAD_BYTES = 256 * 1024
"""Number of bytes at the beginning of a document in which its first entry is looked for."""
_WHITESPACE = b" \t\r\n\x0b\x0c\x00"
_HTML_START_PATTERN = re.compile(
    rb"\s*(?:<!--.{0,2000}?-->\s*){0,3}<(?:!doctype\s+html|html)[\s>]", re.IGNORECASE | re.DOTALL
)


def parse_feed_document(body: bytes, content_type: str, url: str) -> ParsedFeed:
    """Parse RSS 0.9x, 1.0 and 2.0, Atom 0.3 and 1.0, JSON Feed 1.x, or a listing of Reddit's API.

    `content_type` is the header as received; `url` is the final URL, to which relative links are resolved. A
    `parse_warning` of the feed says that it had too many entries, or was not well-formed. Raises FeedError:
    not-a-feed, encoding, or parse-died if the parser fails. Raises MemoryError and RecursionError.
    """
    document_start = body[:4096].removeprefix(b"\xef\xbb\xbf").lstrip(_WHITESPACE)
    if not document_start:
        raise FeedError(NOT_A_FEED, "the document is empty")
    if document_start.startswith(b"{"):
        return parse_json(body, url)
    if _HTML_START_PATTERN.match(document_start):
        raise FeedError(NOT_A_FEED, "a page, not a feed")
    try:
        return parse_xml(body, content_type, url)
    except FeedError:
        raise
    except (MemoryError, RecursionError):
        raise
    except Exception as error:  # feedparser raises errors of any kind
        if isinstance(error, UnicodeError) or type(error) is LookupError:  # a codec that is not a text encoding
            raise FeedError(BAD_ENCODING, str(error)[:200]) from error
        raise FeedError(PARSER_CRASHED, f"{type(error).__name__}: {str(error)[:200]}") from error


def hash_entries(body: bytes) -> bytes:
    """Return a hash of 16 bytes over a document from its first entry on, or over all of it if none is found."""
    is_json = body[:64].removeprefix(b"\xef\xbb\xbf").lstrip(_WHITESPACE).startswith(b"{")
    if is_json:
        entries_start = max(body.find(b'"items"', 0, _HEAD_BYTES), 0)
    else:
        match = _FIRST_ENTRY_PATTERN.search(body, 0, _HEAD_BYTES)
        entries_start = match.start() if match else 0
    return blake2b(memoryview(body)[entries_start:], digest_size=16).digest()
