"""HTML to plain text, and the picture that stands for it.

Parsed by lexbor as a browser would. Its time grows with the square of the nesting depth (86 s for 200,000
nested tags), so markup of absurd depth is read by a plain scanner of tags instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

from selectolax.lexbor import LexborHTMLParser, LexborNode

_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/>]*)[^>]*>")
_LOOKS_LIKE_MARKUP = re.compile(r"</?[a-zA-Z][^<>]*>|<!--|<!\[CDATA\[|<![dD][oO][cC]")
_UNTERMINATED = re.compile(r"<(?![a-zA-Z/!?])")
_DOUBLY_ESCAPED = re.compile(r"&(?:#\d{2,6}|#[xX][0-9a-fA-F]{2,5}|[a-zA-Z]{2,8}\d{0,2});")
_KEEP_ESCAPED = frozenset({"&lt;", "&gt;", "&amp;", "&quot;", "&apos;"})

MAX_DEPTH = 200
"""Deepest nesting that is given to the parser; real pages stay under 60."""
MAX_WORK = 4_000_000
"""Tags times depth that is given to the parser: unclosed formatting is repeated in each block after it."""

_SILENT = frozenset(
    ["audio", "base", "button", "canvas", "datalist", "dialog", "embed", "head", "iframe", "input", "link", "meta", "noembed", "noframes", "noscript", "object", "option", "script", "select", "source", "style", "svg", "template", "textarea", "title", "track", "video"]
)
_PARAGRAPHS = frozenset(
    ["address", "article", "aside", "blockquote", "body", "center", "details", "div", "dl", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hgroup", "main", "nav", "ol", "p", "pre", "section", "summary", "table", "ul"]
)
_LINES = frozenset(["br", "caption", "dd", "dt", "hr", "li", "tr", "tbody", "thead", "tfoot"])
_CELLS = frozenset({"td", "th"})
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "keygen", "link", "meta", "param", "source", "track", "wbr", "basefont", "frame"]
)
_SELF_CLOSING = frozenset(["p", "li", "td", "th", "tr", "dd", "dt", "option", "tbody", "thead", "tfoot", "html", "head", "body"])

_SPACES = re.compile(r"[ \t\r\f\v\xa0\u2000-\u200a\u202f\u205f\u3000]+")
_AROUND_BREAK = re.compile(r" *\n *")
_BREAKS = re.compile(r"\n{3,}")
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ud800-\udfff\ufffe\uffff]"
)
_PRE_SPACE = "\ue000"
_PRE_BREAK = "\ue001"
_PRIVATE = re.compile("[\ue000\ue001]")


def to_text(markup: str) -> str:
    """The text of an HTML fragment: paragraphs apart by an empty line, lists one item a line, no markup.

    Preformatted text keeps its lines and indentation. Text that is no HTML comes back as it is, but for its
    white space, control and zero-width characters. Bounded in time for any input.
    """
    markup = _PRIVATE.sub("", markup)
    if not _LOOKS_LIKE_MARKUP.search(markup):
        return _tidy(_unescape_again(unescape(markup)) if "&" in markup else markup)
    markup = markup.replace("<![CDATA[", "").replace("]]>", "")
    pieces = _scan(markup) if _absurd(markup) else _walk(markup)
    return _tidy(_unescape_again("".join(pieces)))


def first_image(markup: str) -> str | None:
    """The `src` of the first picture that a reader would see (no 1×1 trackers, no `data:`); may be relative."""
    if "<img" not in markup.lower() or _absurd(markup):
        return None
    root = LexborHTMLParser(markup).root
    if root is None:
        return None
    for image in root.css("img"):
        attributes = image.attributes
        source = next(
            (
                value.strip()
                for name in ("src", "data-src", "data-lazy-src")
                if (value := attributes.get(name)) and not value.strip().lower().startswith("data:")
            ),
            None,
        )
        if source and not _tracker(attributes, source):
            return source
    return None


_TRACKERS = re.compile(
    r"feedburner\.com/~|/~ff/|/~r/|doubleclick\.|pixel\.|/pixel[./?]|tracking|stats\.wordpress|feedsportal\.com"
    r"|/1x1\.|spacer\.gif|blank\.gif|gravatar\.com/avatar|/smilies/|s\.w\.org/images/core/emoji|/emoji/",
    re.IGNORECASE,
)


def _tracker(attributes: dict[str, str | None], source: str) -> bool:
    for name in ("width", "height"):
        value = (attributes.get(name) or "").strip().removesuffix("px")
        if value.isdecimal() and int(value[:9]) <= 3:  # noqa: PLR2004 - pixels: nothing that a person could see
            return True
    style = (attributes.get("style") or "").replace(" ", "").lower()
    return "display:none" in style or bool(_TRACKERS.search(source))


def _absurd(markup: str) -> bool:
    """Whether parsing could take more than a moment."""
    depth = deepest = tags = 0
    for closing, name in _TAG.findall(markup):
        tags += 1
        name = name.lower()  # noqa: PLW2901 - tag names mean the same in any case
        if name in _VOID or name in _SELF_CLOSING:
            continue
        if closing:
            depth = max(0, depth - 1)
        else:
            depth += 1
            deepest = max(deepest, depth)
    return deepest > MAX_DEPTH or deepest * tags > MAX_WORK


def _walk(markup: str) -> Iterator[str]:
    """The pieces of text and the breaks between them, in document order, without recursion."""
    parser = LexborHTMLParser(markup)
    body = parser.body
    node: LexborNode | None = body
    end = body.mem_id if body else None  # comparing nodes would compare their whole markup
    depth_of_pre = 0
    while node is not None:
        tag = node.tag
        child = None
        if tag == "-text":
            text = node.text_content or ""
            yield _keep(text) if depth_of_pre else text.replace("\n", " ")
        elif tag not in _SILENT and not tag.startswith(("-", "!")):
            yield _opening(tag)
            depth_of_pre += tag == "pre"
            child = node.child
            if child is None:
                depth_of_pre -= tag == "pre"
                yield _closing(tag)
        if child is not None:
            node = child
            continue
        while node is not None and node.next is None:
            node = node.parent
            if node is None or node.tag in {"html", None} or node.mem_id == end:
                return
            depth_of_pre -= node.tag == "pre"
            yield _closing(node.tag or "")
        if node is None or node.mem_id == end:
            return
        node = node.next


def _scan(markup: str) -> Iterator[str]:
    """The same as `_walk` without a tree: time proportional to the length."""
    silent: str | None = None
    depth_of_pre = 0
    position = 0
    for match in _TAG.finditer(markup):
        name = match[2].lower()
        if silent is None:
            text = unescape(markup[position : match.start()])
            yield _keep(text) if depth_of_pre else text.replace("\n", " ")
        position = match.end()
        if silent is not None:
            if match[1] and name == silent:
                silent = None
        elif match[1]:
            depth_of_pre = max(0, depth_of_pre - (name == "pre"))
            yield _closing(name)
        elif name in _SILENT and name not in _VOID:
            silent = name
        else:
            depth_of_pre += name == "pre"
            yield _opening(name)
    if silent is None:
        yield unescape(markup[position:])


def _keep(text: str) -> str:
    return text.replace("\t", "    ").replace(" ", _PRE_SPACE).replace("\r\n", "\n").replace("\n", _PRE_BREAK)


def _opening(tag: str) -> str:
    if tag in _PARAGRAPHS:
        return "\n\n"
    return "\n" if tag in _LINES else ""


def _closing(tag: str) -> str:
    if tag in _PARAGRAPHS:
        return "\n\n"
    if tag in _CELLS:
        return " \t"
    return "\n" if tag in _LINES and tag != "br" else ""


def _unescape_again(text: str) -> str:
    """Undo one escaping too many (`&eacute;` shown to the reader), but for the characters of markup itself."""
    if "&" not in text:
        return text
    return _DOUBLY_ESCAPED.sub(
        lambda match: match[0] if match[0] in _KEEP_ESCAPED else unescape(match[0]), text
    )


def _tidy(text: str) -> str:
    text = _INVISIBLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\x85", "\n"))
    text = text.replace("\u2028", "\n").replace("\u2029", "\n\n")
    text = _SPACES.sub(" ", text)
    text = _BREAKS.sub("\n\n", _AROUND_BREAK.sub("\n", text))
    return text.replace(_PRE_SPACE, " ").replace(_PRE_BREAK, "\n").strip()
