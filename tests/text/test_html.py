"""Conversion of HTML to text, and the first image of a page."""

import re
from html import unescape

from hypothesis import given
from hypothesis import strategies as st

from bot.feeds.parsing.entries import find_first_image_source
from bot.text.html import exceeds_parse_budget, to_text
from tests.support.cases import check_cases
from tests.support.shared_data import require_shared_path


@check_cases(
    ("markup", "text"),
    [
        ("<p>One<br>two</p><p>three</p>", "One\ntwo\n\nthree"),
        ("<p>One\n two</p>\n\n<p>three", "One two\n\nthree"),
        ("a<br><br>b<br/>c", "a\n\nb\nc"),
        ("<ul><li>a<li>b\n</ul>after", "a\nb\n\nafter"),
        ("<ol>\n<li>1</li>\n<li>2</li>\n</ol>", "1\n2"),
        ("<dl><dt>a</dt><dd>b</dd></dl>", "a\nb"),
        ("<h1>T</h1>x<blockquote>q</blockquote>y", "T\n\nx\n\nq\n\ny"),
        ("a<b>b</b><i>c</i> <a href=x>d</a>", "abc d"),
        ("<pre>x\n  y\n\tz</pre>end", "x\n  y\n    z\n\nend"),
        ("<p>if</p><pre><code>a &lt; b\n&amp;eacute;</code></pre>", "if\n\na < b\n&eacute;"),
        (
            "<table><tr><th>Name<th>Price<tr><td>A<td><p>10</p><tr><td><td>B</table>x",
            "Name | Price\nA | 10\nB\n\nx",
        ),
        (
            "<table><tr><td><p>1</p><td>2</tr><tr><td><p>3</p></table><table><tr><td>4</table>",
            "1 | 2\n3\n\n4",
        ),
        ("<table><tr><td><table><tr><td>x</td></tr></table></td></tr></table>", "x"),
        ("x<script>alert(1)</script>y<style>z</style><iframe>k</iframe><noscript>n</noscript>", "xy"),
        ("x<!-- hidden -->y<svg><text>s</text></svg><template>t</template>", "xy"),
        ("<![CDATA[<p>inner</p>]]>", "inner"),
        ("<html><head><title>T</title></head><body>b</body></html>", "b"),
        ("&eacute;&#233;&#xe9;&#8217;&hellip;", "ééé’…"),
        ("<p>&amp;eacute;t&amp;eacute; &amp;#8217; &amp;amp;</p>", "été ’ &"),
        ("<p>&amp;lt;b&amp;gt;</p>", "&lt;b&gt;"),
        ("<p>a\xa0b\u200bc\xadd\ufeff\0e</p>", "a bcde"),
        ("<div>\ud800x</div>", "x"),
        ("", ""),
    ],
)
def test_markup_is_rendered_as_text(markup, text):
    assert to_text(markup) == text


@check_cases(
    "text",
    ["a < b and c > d", "AT&T", "1 <2> 3", "List<String> in Java", "R&D: x<y", "https://a.fr/?a=1&copy=2",
     "5 &times", "💡 l'IA — « d'été »", "a\n\nb", "<3", "<-", "{a}<>{b}"],
)  # fmt: skip
def test_plain_text_is_not_changed(text):
    assert to_text(text) == text


def test_entities_are_decoded_without_creating_markup():
    assert to_text("Caf&eacute; &amp; AT&amp;T") == "Café & AT&T"
    assert to_text("&amp;eacute;") == "é"
    assert to_text("&lt;script&gt;alert(1)&lt;/script&gt;") == "<script>alert(1)</script>"


def test_double_escaped_entry_is_unescaped_twice():
    assert to_text("&lt;body&gt;&lt;p&gt;One&lt;br&gt;two&lt;/p&gt;&lt;/body&gt;") == "One\ntwo"
    assert to_text("<p>&lt;p&gt; starts a paragraph, &lt;/p&gt; ends it</p>") == (
        "<p> starts a paragraph, </p> ends it"
    )


@given(st.text())
def test_arbitrary_text_is_rendered_without_extra_space(text):
    rendered = to_text(text)
    assert rendered == rendered.strip()
    assert "\n\n\n" not in rendered


@given(
    st.lists(
        st.sampled_from(
            ["<p>", "</p>", "<pre>", "</pre>", "<td>", "<tr>", "<table>", "</table>", "<li>", "<br>",
             "<!--", "-->", "<b", ">", "x", " ", "\n", "&amp;", "<script>", "</script>", "<a href='", '"',
             "<![CDATA[", "]]>", "<select>", "<option>", "<svg>", "<math>", "<title>", "<frameset>",
             "<plaintext>", "\0", "é"]
        )
    ).map("".join)
)  # fmt: skip
def test_tag_soup_is_rendered(markup):
    rendered = to_text(markup)
    assert rendered == rendered.strip()
    assert not any("\ue000" <= character <= "\ue004" for character in rendered)
    find_first_image_source(markup)


HOSTILE = {
    "nested": "<div>" * 60_000 + "hello" + "</div>" * 60_000,
    "nested, hidden by attributes": "<div a='</div>'>" * 60_000 + "hello",
    "nested, hidden by comments": "<div><!--</div>-->" * 40_000 + "hello",
    "nested, hidden by scripts": "<div><script></div></script>" * 40_000 + "hello",
    "attributes": "<p " + " ".join(f"a{number}" for number in range(50_000)) + ">hello",
    "attributes without spaces": "<p " + "".join(f'a{number}="1"' for number in range(50_000)) + ">hello",
    "formatting": "".join(f"<b a={number}>" for number in range(190)) + "<p>hello" * 40_000,
    "open tag": "hello" + "<a" * 500_000,
    "open quotes": "hello<a =\"='" + "<a =\"='" * 200_000,
    "open comments": "hello" + "<!--" * 300_000,
    "entities": "hello" + "&amp;" * 500_000,
    "blanks": "hello" + "<b> </b>\n" * 50_000,
    "cells": "hello" + "<td>" * 60_000,
}


@check_cases(("name", "markup"), HOSTILE.items())
def test_hostile_markup_is_rendered(name, markup):
    assert "hello" in to_text(markup), name
    find_first_image_source(markup + "<img src=x>")


@check_cases(
    "drawing",
    [
        "<svg><symbol><path d=x /></symbol><use href=#a /></svg>" * 30,
        "<svg><g>" + "<path d=x>" * 3 + "</svg>" + "<input><embed>" * 3,
        "<svg>" + "<path d=x/>" * 40 + "</svg>",
        "<math>" + "<mspace/>" * 40 + "</math>",
    ],
)
def test_drawings_and_void_elements_stay_within_parse_budget(drawing):
    markup = drawing * 100 + "<p>hello"
    assert not exceeds_parse_budget(markup)
    assert exceeds_parse_budget(markup + "<div/>" * 300)  # which closes nothing in HTML
    assert exceeds_parse_budget("<svg>" * 300)


def test_deep_nesting_does_not_change_text():
    inner = "<h2>T</h2><p>a &amp; b<br>c</p><ul><li>d</li></ul><script>x</script><pre>e\n f</pre>"
    assert to_text("<div>" * 300 + inner + "</div>" * 300) == to_text(inner)


@check_cases(
    ("markup", "source"),
    [
        ("<p><img src='/a.jpg' width=600>", "/a.jpg"),
        ("<img src='https://p.fr/t.gif' width=1 height=1><img src=b.png>", "b.png"),
        ("<img src='https://feeds.feedburner.com/~ff/x?d=1'><img src=b.png>", "b.png"),
        ("<img src='data:image/gif;base64,R0' data-src='c.jpg'>", "c.jpg"),
        ("<img style='display: none' src=a><img alt=x>", None),
        ("<img src=' '>", None),
        ("no picture", None),
    ],
)
def test_first_image_is_visible_one(markup, source):
    assert find_first_image_source(markup) == source


def test_text_of_real_feeds_contains_no_tags():
    leftover_tags = []
    for path in sorted(require_shared_path("feeds/real").rglob("*"))[::4]:
        if not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        for element_markup in re.findall(r"(?s)<(?:description|content:encoded|summary|content)[^>]*>(.*?)</", text)[
            :20
        ]:
            markup = unescape(element_markup.removeprefix("<![CDATA[").removesuffix("]]>"))
            if "<pre" not in markup and "<code" not in markup and "&lt;" not in markup:
                leftover_tags += re.findall(r"</?(?:p|a|div|span|img|br|b|i|em|strong)\b[^>]*>", to_text(markup))
    assert leftover_tags == []
