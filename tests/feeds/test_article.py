"""Extraction of the article from a page."""

from __future__ import annotations

from collections import defaultdict
from html import escape
from itertools import islice

import pytest

from benchmarks.pages import extract_with_telex, load_marked_pages, score
from bot.feeds.fetch_errors import FeedError
from bot.feeds.pages.article_extraction import MAX_TEXT_CHARS, extract_article_text
from bot.feeds.pages.element_text import decode_page
from bot.text import boilerplate
from tests.feeds.publishers import ENGLISH_PAGES, FRENCH_PAGES
from tests.support.cases import check_cases
from tests.support.shared_data import require_shared_path

FRENCH = (
    "La mairie de Rennes a ouvert lundi un atelier où chacun peut faire réparer son téléphone sans payer.",
    "Deux cents personnes sont venues le premier jour, selon l’adjointe au numérique, Anne Le Goff.",
    "L’atelier restera ouvert jusqu’au mois de juin ; la ville dira ensuite s’il devient permanent.",
)
ENGLISH = (
    "A small firm in Leeds has built a battery that charges in four minutes, and showed it on Tuesday.",
    "The cells lose a tenth of their capacity after two thousand charges, the engineers of the firm say.",
    "Production is planned for 2028 in a hall that once made looms, with a hundred and twenty jobs.",
)

PAGE = """<!doctype html>
<html lang="{lang}"><head><meta charset="utf-8"><title>{title} - {site}</title>
<script>var articleBody = "not this";</script><style>p {{ color: red }}</style></head><body>
<header><a href="/">{site}</a><nav><ul>
<li><a href="/a">{menu}</a></li><li><a href="/b">Politique</a></li></ul></nav>
</header>
<div id="cookie-banner" role="dialog"><p>{cookies}</p><button>OK</button></div>
<main><article><h1>{title}</h1>
<p class="byline">{byline}</p>
<div class="share"><a href="#">Facebook</a> <a href="#">Twitter</a></div>
<figure><img src="x.jpg"><figcaption>{caption}</figcaption></figure>
<div class="text"><p>{paragraphs[0]}</p>
<p><a href="/other">{also}</a></p>
<p>{paragraphs[1]}</p>
<p>{also_line}</p>
<p>{paragraphs[2]}</p></div>
<p>{follow}</p>
</article>
<aside><h2>{others}</h2><ul>
<li><a href="/1">Un autre titre</a></li><li><a href="/2">Encore un</a></li></ul></aside>
</main><footer><p>© 2020-2026 {site}. {rights}</p></footer></body></html>"""
FRENCH_PAGE = PAGE.format(
    lang="fr",
    title="À Rennes, un atelier répare les téléphones",
    site="Le Fil d’Ille",
    menu="Accueil",
    cookies="Nous utilisons des cookies pour mesurer notre audience et personnaliser votre lecture.",
    byline="Le Fil d’Ille avec AFP, publié le lundi 2 mars 2026 à 18h30",
    caption="Un téléphone ouvert. Crédits : Marie Petit",
    paragraphs=FRENCH,
    also="À Nantes, la bibliothèque prête des outils",
    also_line="À lire aussi : Les vélos partagés reviennent à Brest",
    follow="Suivez Le Fil d’Ille sur Facebook et Instagram",
    others="À lire aussi",
    rights="Tous droits réservés",
)
ENGLISH_PAGE = PAGE.format(
    lang="en",
    title="Four-minute battery shown in Leeds",
    site="The Aire Courier",
    menu="Home",
    cookies="We use cookies to measure our audience. Accept all or choose your settings.",
    byline="The Aire Courier, published 3 March 2026 at 9:15 am",
    caption="A cell on a bench. Photo credit: Mary Small",
    paragraphs=ENGLISH,
    also="Canal boats go electric",
    also_line="Read more: Trams return to the city",
    follow="Follow The Aire Courier on Facebook and Instagram.",
    others="Most read",
    rights="All rights reserved",
)


def extract_text(page: str, content_type: str = "text/html; charset=utf-8") -> str:
    return extract_article_text(page.encode(), content_type, "https://example.org/a")


@check_cases(("page", "paragraphs"), [(FRENCH_PAGE, FRENCH), (ENGLISH_PAGE, ENGLISH)])
def test_extraction_drops_page_furniture(page, paragraphs):
    assert extract_text(page) == "\n\n".join(paragraphs)


@pytest.mark.parametrize(
    ("page", "paragraphs"),
    [
        *(pytest.param(page, FRENCH, id=name) for name, page in FRENCH_PAGES.items()),
        *(pytest.param(page, ENGLISH, id=name) for name, page in ENGLISH_PAGES.items()),
    ],
)
def test_article_is_extracted_from_markup_of_large_publishers(page, paragraphs):
    text = extract_text(page.format(*paragraphs, title="Le titre de cet article, qui est assez long"))
    positions = [text.find(paragraph) for paragraph in paragraphs]
    assert -1 not in positions
    assert positions == sorted(positions)
    assert "FURNITURE" not in text


def test_article_in_unclosed_menu_or_hidden_element_is_extracted():
    body = "".join(f"<p>{paragraph}</p>" for paragraph in ENGLISH)
    assert extract_text(f"<body><button class=menu><nav><a href=/>Home</a><main>{body}") == "\n\n".join(ENGLISH)
    assert extract_text(f"<body><div hidden id=S:1>{body}</div>") == "\n\n".join(ENGLISH)


def render_thread(posts: list[tuple[str, str]]) -> str:
    return "".join(
        f'<article class="message" id="post-{number}"><div class="user"><a class="username">{name}</a>'
        f"<dl><dt>Joined</dt><dd>2019</dd></dl></div><div><time>March {number}, 2026</time>"
        f'<div class="bbWrapper">{text}</div><a href="#">Reply</a></div></article>'
        for number, (name, text) in enumerate(posts, 1)
    )


def test_forum_thread_is_extracted_as_posts_with_authors_without_quotes():
    quoting = f"<blockquote>{ENGLISH[0]}</blockquote><p>{ENGLISH[1]}</p>"
    posts = render_thread([("mary", ENGLISH[0]), ("jo", quoting), ("mary", ENGLISH[2])])
    text = extract_article_text(
        f"<body><h1>Battery</h1>{posts}".encode(), "text/html", "https://example.org/threads/battery.5/"
    )
    assert text == (
        f"mary, March 1, 2026\n{ENGLISH[0]}\n\njo, March 2, 2026\n{ENGLISH[1]}\n\nmary, March 3, 2026\n{ENGLISH[2]}"
    )


def test_comments_below_article_are_dropped():
    comments = render_thread([("mary", FRENCH[0]), ("jo", FRENCH[1]), ("mary", FRENCH[2])])
    text = "".join(f"<p>{paragraph}</p>" for paragraph in ENGLISH * 2)
    article_text = extract_text(
        f"<body><main><article class=a><h1>Battery</h1>{text}</article></main><section>{comments}</section>"
    )
    assert ENGLISH[2] in article_text
    assert not any(comment in article_text for comment in FRENCH)


def test_article_parts_around_picture_are_joined():
    # trafilatura keeps only the best part, which lost half of some magazines' articles
    parts = "".join(
        f'<div class="chunk"><p>{first}</p><p>{second}</p></div><figure><img src=x></figure>'
        for first, second in ((ENGLISH[0], ENGLISH[1]), (ENGLISH[2], FRENCH[0]), (FRENCH[1], FRENCH[2]))
    )
    text = extract_text(f"<html><body><div class=chunks>{parts}</div></body></html>")
    assert text == "\n\n".join((*ENGLISH, *FRENCH))


@check_cases(
    ("body", "content_type"),
    [
        ("Le café coûte 3 €, dit-il : « déjà vu »".encode("windows-1252"), "text/html; charset=iso-8859-1"),
        (b"<meta charset=latin-1>" + "Le café coûte 3 €, dit-il : « déjà vu »".encode("cp1252"), "text/html"),
        (
            b'<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-1">'
            + "Le café coûte 3 €, dit-il : « déjà vu »".encode("cp1252"),
            "",
        ),
        ("Le café coûte 3 €, dit-il : « déjà vu »".encode("windows-1252"), "text/html; charset=punycode"),
        ("Le café coûte 3 €, dit-il : « déjà vu »".encode("windows-1252"), "text/html; charset=nonsense"),
        ("Le café coûte 3 €, dit-il : « déjà vu »".encode(), "text/html"),
        ("Le café coûte 3 €, dit-il : « déjà vu »".encode("utf-16"), "text/html; charset=utf-8"),
        ("Le café coûte 3 €, dit-il : « déjà vu »".encode("windows-1252"), "text/html; charset=utf-8"),
    ],
)
def test_page_is_decoded_despite_wrong_charset(body, content_type):
    assert decode_page(body, content_type).endswith("Le café coûte 3 €, dit-il : « déjà vu »")


@check_cases("page", ["", " ", "<", "<html></html>", "<!-- ", "\x00" * 50, "<p>\ud800</p>"])
def test_page_without_article_has_no_text(page):
    assert extract_article_text(page.encode("utf-8", "surrogatepass"), "text/html", "https://example.org/") == ""


def test_tag_with_too_many_attributes_is_rejected():
    # libxml2 would take minutes
    with pytest.raises(FeedError):
        extract_text("<p " + " ".join(f"a{number}=1" for number in range(100_000)) + ">text")


def test_long_article_is_truncated():
    assert len(extract_text("<html><body>" + f"<p>{ENGLISH[0]}</p>" * 5_000)) <= MAX_TEXT_CHARS


def test_article_is_extracted_whatever_element_wraps_its_lines():
    seed_text = (require_shared_path("seed") / "article.fr.txt").read_text(encoding="utf-8")
    expected_words = boilerplate.strip_boilerplate(seed_text).split()
    lines = [escape(line) for line in seed_text.split("\n")]
    for page in (
        "<br>\n".join(lines),
        "".join(f"<p>{line}</p>" for line in lines if line.strip()),
        "".join(f"<div>{line}</div>" for line in lines if line.strip()),
    ):
        assert extract_text(f"<html><body>{page}</body></html>").split() == expected_words
    boilerplate_phrases = ("justlogo", "Mis à jour", "À lire aussi", "Crédits", "Bar à innovations")
    assert not any(phrase in boilerplate.strip_boilerplate(seed_text) for phrase in boilerplate_phrases)


def test_extraction_scores_of_annotated_pages():
    require_shared_path("pages")
    scores_by_kind: dict[str, list[float]] = defaultdict(list)
    for annotated_page in islice(load_marked_pages(), 0, None, 72):
        scores_by_kind[annotated_page.collection].append(
            score(extract_with_telex(annotated_page), annotated_page.text).f1
        )
    means = {kind: sum(scores) / len(scores) for kind, scores in scores_by_kind.items()}
    assert means["orange_fr"] >= 0.9
    assert means["scrapinghub"] >= 0.9
    assert means["wcxb article"] >= 0.88
    assert means["wcxb forum"] >= 0.65


@check_cases(
    "character",
    [
        "\x00",
        "\x08",
        "\x0b",
        "\x1f",
        "\ufffe",
        "&#0;",
        "&#8;",
        "&#8",
        "&#x8;",
        "&#12;",
        "&#xFFFE;",
        "&#xD800;",
    ],
)
def test_invalid_character_does_not_truncate_article(character):
    def text(inside: str) -> str:
        paragraphs = "".join(f"<p>{number}: {paragraph}</p>" for number in range(80) for paragraph in ENGLISH)
        page = f"<html><body><article><h1>A battery</h1>{paragraphs}</article></body></html>"
        return extract_article_text(
            page.replace("lose a", f"lo{inside}se a").encode(), "text/html", "https://a.example/"
        )

    assert len(text("")) > 20_000
    assert text(character) == text("")


def test_valid_character_references_are_decoded():
    paragraphs = "".join(f"<p>{paragraph}</p>" for paragraph in ENGLISH)
    references_markup = "<p>&#233;t&#00000000000233; &#x1F600; ici</p>"
    page = f"<html><body><article>{paragraphs}{references_markup}</article></body></html>"
    assert "été 😀 ici" in extract_article_text(page.encode(), "text/html", "https://a.example/")
