"""Conversion of HTML to plain text.

lexbor parses it as a browser would. Its time is quadratic in the depth of nesting (86 s for 200,000 nested
tags) and in the attributes of a tag; such markup is scanned tag by tag instead.
"""

import re
from collections import Counter
from collections.abc import Iterator
from html import unescape

from bot.text.characters import strip_invisible
from bot.text.words import word_set

MAX_DEPTH = 200
"""Deepest nesting that is given to the parser; real pages stay below 60."""
MAX_ATTRIBUTES = 200
"""Attributes of one tag that are given to the parser."""
MAX_PARSE_COST = 4_000_000
"""Tags times depth that are given to the parser, as unclosed formatting is repeated in each block."""

_HIDDEN_TAGS = word_set(
    "audio base button canvas datalist embed frameset head iframe input link meta noembed noframes noscript "
    "object option script select source style svg template textarea title track video"
)
_BLOCK_TAGS = word_set(
    "address article aside blockquote body center details dialog div dl fieldset figcaption figure footer "
    "form h1 h2 h3 h4 h5 h6 header hgroup main menu nav ol p pre section summary table ul"
)
_LINE_TAGS = word_set("caption dd dt hr li tr")
_INLINE = word_set(
    "a abbr acronym b bdi bdo big blink br cite code col colgroup data del dfn em font html i img ins kbd "
    "label mark math meter nobr output param picture progress q rp rt ruby s samp small span strike strong "
    "sub sup tbody td tfoot th thead time tt u var wbr xmp"
)
_VOID = word_set("area base basefont br col embed frame hr img input keygen link meta param source track wbr")
_SELF_CLOSING = word_set("body dd dt head html li option p tbody td tfoot th thead tr")
_FOREIGN_CONTENT_TAGS = ("svg", "math")
_RAW = word_set("iframe noembed noframes script style textarea title xmp")
_KNOWN = _HIDDEN_TAGS | _BLOCK_TAGS | _LINE_TAGS | _INLINE | _VOID

_TAG_START = re.compile(r"<(?:(/?)([a-zA-Z][^\s/<>]*)|!--|[!?/])")
_TAG_REST = re.compile(r"""(?:[^>=]++|=\s*+(?>"[^"]*+"|'[^']*+'|))*+>""")
_QUOTED = re.compile(r"""=\s*+(?>"[^"]*+"|'[^']*+')""")
_ATTRIBUTE = re.compile(r"[\s/]+|=")
_LONG_TAG = 1000

_LINE = "\ue000"
_PARAGRAPH = "\ue001"
_CELL = "\ue002"
_KEPT_SPACE = "\ue003"
_KEPT_BREAK = "\ue004"
_SENTINELS = re.compile("[\ue000-\ue004]")
LONE_SURROGATE = re.compile("[\ud800-\udfff]")
"""Code points that cannot be encoded."""
_SPACES = re.compile(r"[^\S\n]+")
_BREAK = re.compile(f"[ {_CELL}]*[\n{_LINE}{_PARAGRAPH}][ \n{_LINE}{_PARAGRAPH}{_CELL}]*")
_BETWEEN_CELLS = re.compile(f" *{_CELL}[ {_CELL}]*")
_NEXT_ROW = re.compile(f"^[ \n{_CELL}]*{_LINE}[ \n{_CELL}]*{_LINE}")
_KEPT_BREAKS = re.compile(f"(?:{_KEPT_SPACE}*{_KEPT_BREAK}){{3,}}")
_ESCAPED_WHOLE = re.compile(
    r"<(?:!--|(?:article|body|br|div|h[1-6]|html|img|ol|p|section|span|table|ul)\b[^<>]*>).*\S.*>", re.DOTALL
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
_ANGLE_BRACKET_ENTITIES = word_set("&lt; &gt; &LT; &GT; &#60; &#62; &#x3c; &#x3e; &#x3C; &#x3E;")


def to_text(markup: str) -> str:
    """Return the text of an HTML fragment: paragraphs separated by empty lines, one list item per line.

    Preformatted text keeps its lines and indentation, table cells are separated by ` | `. Text without HTML
    tags keeps its `<` and `&`; only white space, invisible characters and entities change. Double escaping
    (`&amp;eacute;`) is undone, for `<` and `>` only if the whole text is escaped markup. The time is bounded
    for any input.
    """
    markup = _SENTINELS.sub("", markup.replace("\r\n", "\n").replace("\r", "\n"))
    text = _text(markup)
    return (_text(text) or text) if _ESCAPED_WHOLE.fullmatch(text) else text


def _text(markup: str) -> str:
    if not _has_tags(markup):
        return _tidy(_decode(_decode(markup, all_of_them=True)))
    markup = LONE_SURROGATE.sub("", markup.replace("<![CDATA[", "").replace("]]>", ""))
    return _tidy("".join(_scan(markup) if exceeds_parse_budget(markup) else _walk(markup)))


def _has_tags(markup: str) -> bool:
    """Return whether there is an HTML tag: `a < b` and `List<String>` have none."""
    return any(
        name.lower() in _KNOWN or "-" in name or match[0] in {"<!--", "<!"}
        for match in _TAG_START.finditer(markup)
        if (name := match[2] or "") or match[0] in {"<!--", "<!"}
    )


def _tags(markup: str) -> Iterator[tuple[int, int, str, str]]:
    """Yield start, end, "/" or "", and name of each tag as the parser sees it; comments have no name."""
    position = 0
    while (start := _TAG_START.search(markup, position)) is not None:
        name = (start[2] or "").lower()
        if start[0] == "<!--":
            end = markup.find("-->", start.end())
            position = len(markup) if end < 0 else end + 3
        else:
            rest = _TAG_REST.match(markup, start.end())
            position = rest.end() if rest else len(markup)
        yield start.start(), position, start[1] or "", name
        if name in _RAW and not start[1]:
            closing = re.compile(f"</{name}", re.IGNORECASE).search(markup, position)
            position = closing.start() if closing else len(markup)


def exceeds_parse_budget(markup: str) -> bool:
    """Return whether lexbor could take too long for this markup."""
    if markup.count("<") <= MAX_DEPTH and len(markup) < _LONG_TAG * 20:
        return False
    nesting, deepest, tags = _OpenTagStack(), 0, 0
    for start, end, closing, name in _tags(markup):
        tags += 1
        if _is_crowded(markup[start:end], MAX_ATTRIBUTES):
            return True
        if not name or name in _VOID or name in _SELF_CLOSING:
            continue
        if closing:
            nesting.close(name)
            continue
        nesting.open(name, empty=markup.endswith("/>", start, end))
        deepest = max(deepest, len(nesting.names))
        if deepest > MAX_DEPTH:
            return True
    return deepest * tags > MAX_PARSE_COST


def has_too_many_attributes(markup: str, most_attributes: int) -> bool:
    """Return whether a tag has more than about `max_attributes`: parsers compare each with each."""
    return any(_is_crowded(markup[start:end], most_attributes) for start, end, _, _ in _tags(markup))


def _is_crowded(tag: str, most_attributes: int) -> bool:
    if len(tag) <= max(_LONG_TAG, most_attributes):
        return False
    return sum(1 for _ in _ATTRIBUTE.finditer(_QUOTED.sub("=", tag))) > most_attributes


class _OpenTagStack:
    """The open elements, as an HTML parser counts them.

    An end tag closes what is open inside its element. `/>` closes only elements of SVG and MathML
    (https://html.spec.whatwg.org/#foreign-elements).
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self._open: Counter[str] = Counter()

    def open(self, name: str, *, empty: bool) -> None:
        is_drawn = name in _FOREIGN_CONTENT_TAGS or any(self._open[root] for root in _FOREIGN_CONTENT_TAGS)
        if not (empty and is_drawn):
            self.names.append(name)
            self._open[name] += 1

    def close(self, name: str) -> None:
        while self._open[name]:
            last = self.names.pop()
            self._open[last] -= 1
            if last == name:
                return


def _walk(markup: str) -> Iterator[str]:
    """Yield the texts and the breaks between them in document order, without recursion."""
    from selectolax.lexbor import LexborHTMLParser  # noqa: PLC0415 - only workers read markup

    node = LexborHTMLParser(markup).body
    open_tags: list[str] = []
    verbatim = 0
    while node is not None:
        tag = node.tag or ""
        child = None
        if tag == "-text":
            yield _piece(node.text_content or "", verbatim)
        elif tag not in _HIDDEN_TAGS and not tag.startswith(("-", "!")):
            yield _break(tag)
            child = node.child
            if child is not None:
                open_tags.append(tag)
                verbatim += tag in _VERBATIM
                node = child
                continue
            yield _closing(tag)
        while node is not None and open_tags and node.next is None:
            node = node.parent
            closed = open_tags.pop()
            verbatim -= closed in _VERBATIM
            yield _closing(closed)
        if node is None or not open_tags:
            return
        node = node.next


def _scan(markup: str) -> Iterator[str]:
    """Yield texts and breaks without a tree, in linear time."""
    silent = ""
    verbatim = position = 0
    for start, end, closing, name in _tags(markup):
        if not silent:
            yield _piece(unescape(markup[position:start]), verbatim)
        position = end
        if silent:
            silent = "" if closing and name == silent else silent
        elif name in _HIDDEN_TAGS:
            silent = "" if closing or name in _VOID else name
        elif closing:
            verbatim = max(0, verbatim - (name in _VERBATIM))
            yield _closing(name)
        else:
            verbatim += name in _VERBATIM
            yield _break(name)
    if not silent:
        yield _piece(unescape(markup[position:]), verbatim)


_VERBATIM = frozenset({"pre", "xmp", "listing"})


def _piece(text: str, verbatim: int) -> str:
    if not verbatim:
        return _decode(text.replace("\n", " "))
    return text.expandtabs(4).replace(" ", _KEPT_SPACE).replace("\n", _KEPT_BREAK)


def _break(tag: str) -> str:
    if tag in _BLOCK_TAGS:
        return _PARAGRAPH
    if tag == "br":
        return "\n"
    return _LINE if tag in _LINE_TAGS else ""


def _closing(tag: str) -> str:
    if tag in {"td", "th"}:
        return _CELL
    return "" if tag == "br" else _break(tag)


def _decode(text: str, *, all_of_them: bool = False) -> str:
    """Decode entities that end in `;`, those of `<` and `>` only with `decode_angle_brackets`."""
    if "&" not in text:
        return text
    return _ENTITY.sub(
        lambda match: (
            match[0] if not all_of_them and match[0] in _ANGLE_BRACKET_ENTITIES else unescape(match[0])
        ),
        text,
    )


def _tidy(text: str) -> str:
    text = strip_invisible(text.replace("\x85", "\n").replace("\u2028", "\n").replace("\u2029", "\n\n"))
    text = _BREAK.sub(_collapse_break, _SPACES.sub(" ", text))
    text = _BETWEEN_CELLS.sub(" | ", text)
    text = _KEPT_BREAKS.sub(_KEPT_BREAK * 2, text)
    return text.replace(_KEPT_SPACE, " ").replace(_KEPT_BREAK, "\n").strip()


def _collapse_break(match: re.Match[str]) -> str:
    _, cell, after = match[0].partition(_CELL)
    if not cell:
        after = match[0]
    elif _LINE not in after:  # a block in the next cell of the row
        return _CELL
    elif _NEXT_ROW.search(after):
        return "\n"
    return "\n\n" if _PARAGRAPH in after or after.count("\n") > 1 else "\n"
