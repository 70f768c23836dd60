"""Conversion of HTML to plain text.

HTML is parsed by lexbor, as a browser would. The time is quadratic in the depth of nesting (86 s for 200,000
nested tags) and in the attributes of a tag; such markup is scanned tag by tag instead.
"""

import re
from collections import Counter
from collections.abc import Iterator
from html import unescape

from bot.text.characters import strip_invisible
from bot.text.words import split_at_white_space

MAX_NESTING_DEPTH = 200
"""Maximum depth of nested tags in markup that is given to the parser; real pages stay below 60."""
MAX_TAG_ATTRIBUTES = 200
"""Maximum number of attributes of one tag longer than `_LONG_TAG_CHARS` in markup that is given to the parser."""
MAX_PARSE_COST = 4_000_000
"""Maximum number of tags times depth of markup that is given to the parser.

The parser repeats unclosed formatting in each block.
"""

_HIDDEN_TAGS = split_at_white_space(
    "audio base button canvas datalist embed frameset head iframe input link meta noembed noframes noscript "
    "object option script select source style svg template textarea title track video"
)
_BLOCK_TAGS = split_at_white_space(
    "address article aside blockquote body center details dialog div dl fieldset figcaption figure footer "
    "form h1 h2 h3 h4 h5 h6 header hgroup main menu nav ol p pre section summary table ul"
)
_LINE_TAGS = split_at_white_space("caption dd dt hr li tr")
_INLINE_TAGS = split_at_white_space(
    "a abbr acronym b bdi bdo big blink br cite code col colgroup data del dfn em font html i img ins kbd "
    "label mark math meter nobr output param picture progress q rp rt ruby s samp small span strike strong "
    "sub sup tbody td tfoot th thead time tt u var wbr xmp"
)
_VOID_TAGS = split_at_white_space(
    "area base basefont br col embed frame hr img input keygen link meta param source track wbr"
)
_IMPLICITLY_CLOSED_TAGS = split_at_white_space("body dd dt head html li option p tbody td tfoot th thead tr")
_FOREIGN_CONTENT_TAGS = ("svg", "math")
_RAW_TEXT_TAGS = split_at_white_space("iframe noembed noframes script style textarea title xmp")
_KNOWN_TAGS = _HIDDEN_TAGS | _BLOCK_TAGS | _LINE_TAGS | _INLINE_TAGS | _VOID_TAGS

_TAG_START_PATTERN = re.compile(r"<(?:(/?)([a-zA-Z][^\s/<>]*)|!--|[!?/])")
_TAG_REST_PATTERN = re.compile(r"""(?:[^>=]++|=\s*+(?>"[^"]*+"|'[^']*+'|))*+>""")
_QUOTED_VALUE_PATTERN = re.compile(r"""=\s*+(?>"[^"]*+"|'[^']*+')""")
_ATTRIBUTE_SEPARATOR_PATTERN = re.compile(r"[\s/]+|=")
_LONG_TAG_CHARS = 1000
"""Length in characters up to which the attributes of a tag are too few to be counted."""

# Marks between and in the pieces of text, until white space is collapsed. Verbatim text is that of `pre`.
_LINE_TAG_SENTINEL = "\ue000"
_BLOCK_TAG_SENTINEL = "\ue001"
_CELL_END_SENTINEL = "\ue002"
_VERBATIM_SPACE_SENTINEL = "\ue003"
_VERBATIM_NEWLINE_SENTINEL = "\ue004"
_SENTINELS_PATTERN = re.compile("[\ue000-\ue004]")
LONE_SURROGATE_PATTERN = re.compile("[\ud800-\udfff]")
"""Pattern of code points that cannot be encoded (surrogates)."""
_SPACES_PATTERN = re.compile(r"[^\S\n]+")
_BREAK_RUN_PATTERN = re.compile(
    f"[ {_CELL_END_SENTINEL}]*[\n{_LINE_TAG_SENTINEL}{_BLOCK_TAG_SENTINEL}][ "
    f"\n{_LINE_TAG_SENTINEL}{_BLOCK_TAG_SENTINEL}{_CELL_END_SENTINEL}]*"
)
_BETWEEN_CELLS_PATTERN = re.compile(f" *{_CELL_END_SENTINEL}[ {_CELL_END_SENTINEL}]*")
_NEXT_ROW_PATTERN = re.compile(
    f"^[ \n{_CELL_END_SENTINEL}]*{_LINE_TAG_SENTINEL}[ \n{_CELL_END_SENTINEL}]*{_LINE_TAG_SENTINEL}"
)
_LONG_VERBATIM_BREAKS_PATTERN = re.compile(f"(?:{_VERBATIM_SPACE_SENTINEL}*{_VERBATIM_NEWLINE_SENTINEL}){{3,}}")
_ESCAPED_MARKUP_PATTERN = re.compile(
    r"<(?:!--|(?:article|body|br|div|h[1-6]|html|img|ol|p|section|span|table|ul)\b[^<>]*>).*\S.*>", re.DOTALL
)
_ENTITY_PATTERN = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
_ANGLE_BRACKET_ENTITIES = split_at_white_space("&lt; &gt; &LT; &GT; &#60; &#62; &#x3c; &#x3e; &#x3C; &#x3E;")


def to_text(markup: str) -> str:
    """Return the text of an HTML fragment: paragraphs separated by empty lines, one list item per line.

    Preformatted text keeps its lines and indentation, table cells are separated by ` | `. Text without HTML
    tags keeps its `<` and `&`; only white space, invisible characters and entities change. Double escaping
    (`&amp;eacute;`) is undone, for `<` and `>` only if the whole text is escaped markup. The time is bounded
    for any input.
    """
    markup = _SENTINELS_PATTERN.sub("", markup.replace("\r\n", "\n").replace("\r", "\n"))
    text = _convert(markup)
    return (_convert(text) or text) if _ESCAPED_MARKUP_PATTERN.fullmatch(text) else text


def _convert(markup: str) -> str:
    if not _has_tags(markup):
        return _collapse_whitespace(_decode_entities(_decode_entities(markup, decode_angle_brackets=True)))
    markup = LONE_SURROGATE_PATTERN.sub("", markup.replace("<![CDATA[", "").replace("]]>", ""))
    return _collapse_whitespace(
        "".join(_iter_scanned_pieces(markup) if exceeds_parse_budget(markup) else _iter_tree_pieces(markup))
    )


def _has_tags(markup: str) -> bool:
    """Return whether a text has an HTML tag, comment or declaration; `a < b` and `List<String>` have none."""
    return any(
        name.lower() in _KNOWN_TAGS or "-" in name or match[0] in {"<!--", "<!"}
        for match in _TAG_START_PATTERN.finditer(markup)
        if (name := match[2] or "") or match[0] in {"<!--", "<!"}
    )


def _iter_tags(markup: str) -> Iterator[tuple[int, int, str, str]]:
    """Yield start, end, "/" or "", and name of each tag as the parser sees it; comments have no name."""
    position = 0
    while (tag_start := _TAG_START_PATTERN.search(markup, position)) is not None:
        name = (tag_start[2] or "").lower()
        if tag_start[0] == "<!--":
            end = markup.find("-->", tag_start.end())
            position = len(markup) if end < 0 else end + 3
        else:
            tag_rest = _TAG_REST_PATTERN.match(markup, tag_start.end())
            position = tag_rest.end() if tag_rest else len(markup)
        yield tag_start.start(), position, tag_start[1] or "", name
        if name in _RAW_TEXT_TAGS and not tag_start[1]:
            closing_tag = re.compile(f"</{name}", re.IGNORECASE).search(markup, position)
            position = closing_tag.start() if closing_tag else len(markup)


def exceeds_parse_budget(markup: str) -> bool:
    """Return whether lexbor, the HTML parser, could take too long for this markup."""
    if markup.count("<") <= MAX_NESTING_DEPTH and len(markup) < _LONG_TAG_CHARS * 20:
        return False
    open_tags, max_depth, tag_count = _OpenTagStack(), 0, 0
    for start, end, slash, name in _iter_tags(markup):
        tag_count += 1
        if _has_many_attributes(markup[start:end], MAX_TAG_ATTRIBUTES):
            return True
        if not name or name in _VOID_TAGS or name in _IMPLICITLY_CLOSED_TAGS:
            continue
        if slash:
            open_tags.close(name)
            continue
        open_tags.open(name, is_self_closed=markup.endswith("/>", start, end))
        max_depth = max(max_depth, len(open_tags.names))
        if max_depth > MAX_NESTING_DEPTH:
            return True
    return max_depth * tag_count > MAX_PARSE_COST


def has_too_many_attributes(markup: str, max_attributes: int) -> bool:
    """Return whether a tag of more than 1,000 characters has more than about `max_attributes`.

    Parsers compare the attributes of a tag with each other.
    """
    return any(_has_many_attributes(markup[start:end], max_attributes) for start, end, _, _ in _iter_tags(markup))


def _has_many_attributes(tag_markup: str, max_attributes: int) -> bool:
    if len(tag_markup) <= max(_LONG_TAG_CHARS, max_attributes):
        return False
    return (
        sum(1 for _ in _ATTRIBUTE_SEPARATOR_PATTERN.finditer(_QUOTED_VALUE_PATTERN.sub("=", tag_markup)))
        > max_attributes
    )


class _OpenTagStack:
    """Stack of the open elements, as an HTML parser counts them.

    An end tag closes all that is open inside its element. `/>` closes only elements of SVG and MathML
    (https://html.spec.whatwg.org/#foreign-elements).
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self._open_counts: Counter[str] = Counter()

    def open(self, name: str, *, is_self_closed: bool) -> None:
        is_foreign = name in _FOREIGN_CONTENT_TAGS or any(self._open_counts[root] for root in _FOREIGN_CONTENT_TAGS)
        if not (is_self_closed and is_foreign):
            self.names.append(name)
            self._open_counts[name] += 1

    def close(self, name: str) -> None:
        while self._open_counts[name]:
            last_name = self.names.pop()
            self._open_counts[last_name] -= 1
            if last_name == name:
                return


def _iter_tree_pieces(markup: str) -> Iterator[str]:
    """Yield the texts of parsed markup and the breaks between them in document order, without recursion."""
    from selectolax.lexbor import LexborHTMLParser  # noqa: PLC0415 - only workers read markup

    node = LexborHTMLParser(markup).body
    open_tags: list[str] = []
    verbatim_depth = 0
    while node is not None:
        tag = node.tag or ""
        child = None
        if tag == "-text":
            yield _encode_text(node.text_content or "", verbatim_depth)
        elif tag not in _HIDDEN_TAGS and not tag.startswith(("-", "!")):
            yield _get_break(tag)
            child = node.child
            if child is not None:
                open_tags.append(tag)
                verbatim_depth += tag in _VERBATIM_TAGS
                node = child
                continue
            yield _get_closing_break(tag)
        while node is not None and open_tags and node.next is None:
            node = node.parent
            closed_tag = open_tags.pop()
            verbatim_depth -= closed_tag in _VERBATIM_TAGS
            yield _get_closing_break(closed_tag)
        if node is None or not open_tags:
            return
        node = node.next


def _iter_scanned_pieces(markup: str) -> Iterator[str]:
    """Yield the texts of markup and the breaks between them without parsing a tree, in linear time."""
    hidden_tag = ""
    verbatim_depth = position = 0
    for start, end, slash, name in _iter_tags(markup):
        if not hidden_tag:
            yield _encode_text(unescape(markup[position:start]), verbatim_depth)
        position = end
        if hidden_tag:
            hidden_tag = "" if slash and name == hidden_tag else hidden_tag
        elif name in _HIDDEN_TAGS:
            hidden_tag = "" if slash or name in _VOID_TAGS else name
        elif slash:
            verbatim_depth = max(0, verbatim_depth - (name in _VERBATIM_TAGS))
            yield _get_closing_break(name)
        else:
            verbatim_depth += name in _VERBATIM_TAGS
            yield _get_break(name)
    if not hidden_tag:
        yield _encode_text(unescape(markup[position:]), verbatim_depth)


_VERBATIM_TAGS = frozenset({"pre", "xmp", "listing"})


def _encode_text(text: str, verbatim_depth: int) -> str:
    if not verbatim_depth:
        return _decode_entities(text.replace("\n", " "))
    return text.expandtabs(4).replace(" ", _VERBATIM_SPACE_SENTINEL).replace("\n", _VERBATIM_NEWLINE_SENTINEL)


def _get_break(tag: str) -> str:
    if tag in _BLOCK_TAGS:
        return _BLOCK_TAG_SENTINEL
    if tag == "br":
        return "\n"
    return _LINE_TAG_SENTINEL if tag in _LINE_TAGS else ""


def _get_closing_break(tag: str) -> str:
    if tag in {"td", "th"}:
        return _CELL_END_SENTINEL
    return "" if tag == "br" else _get_break(tag)


def _decode_entities(text: str, *, decode_angle_brackets: bool = False) -> str:
    """Return a text with its entities decoded, those of `<` and `>` only with `decode_angle_brackets`.

    Entities without a final `;` stay.
    """
    if "&" not in text:
        return text
    return _ENTITY_PATTERN.sub(
        lambda match: (
            match[0] if not decode_angle_brackets and match[0] in _ANGLE_BRACKET_ENTITIES else unescape(match[0])
        ),
        text,
    )


def _collapse_whitespace(text: str) -> str:
    text = strip_invisible(text.replace("\x85", "\n").replace("\u2028", "\n").replace("\u2029", "\n\n"))
    text = _BREAK_RUN_PATTERN.sub(_collapse_break, _SPACES_PATTERN.sub(" ", text))
    text = _BETWEEN_CELLS_PATTERN.sub(" | ", text)
    text = _LONG_VERBATIM_BREAKS_PATTERN.sub(_VERBATIM_NEWLINE_SENTINEL * 2, text)
    return text.replace(_VERBATIM_SPACE_SENTINEL, " ").replace(_VERBATIM_NEWLINE_SENTINEL, "\n").strip()


def _collapse_break(match: re.Match[str]) -> str:
    _, cell_sentinel, text_after = match[0].partition(_CELL_END_SENTINEL)
    if not cell_sentinel:
        text_after = match[0]
    elif _LINE_TAG_SENTINEL not in text_after:  # a block in the next cell of the row
        return _CELL_END_SENTINEL
    elif _NEXT_ROW_PATTERN.search(text_after):
        return "\n"
    return "\n\n" if _BLOCK_TAG_SENTINEL in text_after or text_after.count("\n") > 1 else "\n"
