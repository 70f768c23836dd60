"""Stripping of boilerplate lines from texts."""

import gzip
import json

from hypothesis import given
from hypothesis import strategies as st

from bot.text.boilerplate import strip_boilerplate
from tests.support.cases import check_cases
from tests.support.shared_data import require_shared_path

ARTICLE = "Amazon suspend son logiciel.\n\nLa police attendra un an, dit M. Bezos."


@check_cases(
    "line",
    [
        "justlogopremiumblack.png",
        "IMG_2041.jpeg",
        "Mis à jour : sept. 18",
        "Publié le 10 juin 2020 à 14h30",
        "Updated June 10, 2020 at 2:30 pm EST",
        "Last updated: Wed 10 Jun 2020",
        "Temps de lecture : 3 min",
        "4 min read",
        "À lire aussi : Reconnaissance faciale : atteinte à la liberté ?",
        "► A LIRE AUSSI > Autre chose",
        "Lire également :",
        "Related: Another article",
        "Read more: Another article",
        "Crédits : OpenMIC",
        "Crédit photo : Reuters",
        "(credit: Google)",
        "Image Credits: TechCrunch",
        '"Les actionnaires disent : stoppez les ventes au gouvernement" / Crédits : OpenMIC',
        "Android 15's new satellite messaging UI. [credit: Google ]",
        "© Péter Mács – Fotolia.com",
        "Copyright © 2020 Exemple. All rights reserved.",
        "Tous droits réservés",
        "Read 10 remaining paragraphs | Comments",
        "Read full article",
        "Comments",
        "[link] [24 comments]",
        "# Comments: 3",
        "Continue reading…",
        "Lire la suite →",
        "The post Some title appeared first on Some Site.",
        "L’article Un titre est apparu en premier sur Un Site.",
        "Partager sur Facebook",
        "Share this",
        "Suivez-nous sur Twitter et Facebook",
        "Accueil > Tech > Sécurité",
        "Skip to content",
        "Publicité",
        "S'abonner",
        "Subscribe to our newsletter",
        "Abonnez-vous à notre newsletter !",
        "AFP, publié le jeudi 28 mai 2020 à 18h25",
        "Orange avec AFP-Services, publié le samedi 27 avril 2019 à 08h38",
        "The Courier, updated 3 March 2026 at 9:15 am",
        "READ MORE: Another article",
        "DON'T MISS",
        "Most read in world news",
        "CLICK HERE TO GET THE FOX NEWS APP",
        "Reporting by Ann Small and Bo Lind; Editing by Cy Grant",
        "The Courier’s Ann Small contributed to this report.",
        "(Avec AFP)",
        "ann.small@example.org",
        "Follow Newsbeat on Instagram, Facebook, Twitter and YouTube.",
        "Suivez Le Courrier sur Facebook et Instagram",
        "Get the day’s top headlines delivered to your inbox every morning by subscribing to our newsletter.",
        "If you buy something through this post, we may get a share of the sale.",
        "Have a tip? Ann Small may be reached at ann@example.org.",
    ],
)
def test_boilerplate_lines_around_article_are_stripped(line):
    assert strip_boilerplate(f"{line}\n\n{ARTICLE}\n\n{line}") == ARTICLE
    before, after = ARTICLE.split("\n\n")
    assert strip_boilerplate(f"{before}\n\n{line}\n\n{after}") == ARTICLE


@check_cases(
    "line",
    [
        "Photo-sharing apps such as Instagram lost users, the report says.",
        "Updated software will reach 3 million cars.",
        "Published by Gallimard, the book sold 10,000 copies.",
        "Read Hubbard was born in 1952.",
        "Lire est un plaisir : les jeunes le disent.",
        "Voir clair dans ce dossier : voilà l'enjeu.",
        "Related companies were fined $3 million.",
        "Comments made by the president angered the crowd.",
        "Share prices fell by 3 percent on Monday.",
        "Partager ses données avec la police inquiète.",
        "Image recognition is banned for a year.",
        "Like many people on Facebook, he had never read the terms.",
        "The Courier, published in Leeds since 1890, has 40 reporters.",
        "Reporting by the agency was wrong, the ministry said.",
        "Readers follow the story on Twitter, where the ministry answers them.",
        "We may earn less than last year, the company told investors.",
        "L’AFP l’a appris lundi.",
        "Sign up numbers doubled, the company said.",
        "Home prices rose in June.",
        "Il a dit : « Crédits ou pas, nous construirons. »",
        "George Floyd, 1973-2020",
        "config.png holds the picture of the settings.",
        "Mis à jour en 2018, le logiciel de 2016 reconnaît les visages.",
        "def f(x):",
        "-",
    ],
)
def test_sentences_of_article_are_kept(line):
    text = f"{line}\n\n{ARTICLE}\n\n{line}\n\nFin de l'article."
    assert strip_boilerplate(text) == text


def test_list_of_related_articles_at_end_is_stripped():
    other_titles = "\n\nUn autre titre\n\nEncore un titre ?"
    assert strip_boilerplate(f"{ARTICLE}\n\nArticles en rapport{other_titles}") == ARTICLE
    assert strip_boilerplate(f"{ARTICLE}\n\nDone With This Post? You Might Also Like These:{other_titles}") == ARTICLE
    text_with_heading = f"Articles liés\n\n{ARTICLE}"
    assert strip_boilerplate(text_with_heading) == text_with_heading


def test_repeated_footer_is_stripped_but_not_repeated_code():
    assert strip_boilerplate(f"{ARTICLE}\n\nBar à innovations  2016-2020\n\nBar à innovations  2016-2020") == ARTICLE
    code = "if a:\n  if b:\n    c\n  end\nend"
    assert strip_boilerplate(code) == code


def test_read_more_at_end_is_stripped():
    assert strip_boilerplate("Amazon suspend son logiciel […] Lire la suite »") == "Amazon suspend son logiciel […]"
    assert strip_boilerplate("Amazon suspend son logiciel. Read more...") == "Amazon suspend son logiciel."


@check_cases("text", ["Comments", "image.png", "Read more", "\n\nComments\n", "", "© X"])
def test_text_never_becomes_empty(text):
    assert strip_boilerplate(text) == text


@given(st.text() | st.lists(st.sampled_from(["Comments", "\n", "a b c", "À lire :", ".", "©", " "])).map("".join))
def test_stripping_only_removes_text(text):
    cleaned = strip_boilerplate(text)
    assert bool(cleaned.strip()) == bool(text.strip())
    position = 0
    for line in cleaned.split("\n"):
        position = text.index(line.strip(), position) + len(line.strip())


def test_hostile_lines_do_not_exhaust_patterns():
    lines = [
        "updated: " + "mar 1 " * 50 + "x",
        "updated " + "sept.oct.nov" * 24 + "z",
        "link " * 60 + "x",
        "share on x " * 25 + "!x",
        "- / — ( " * 35,
        "the post x appeared first " * 12 + "on",
        "© " * 150 + "!",
    ]
    for line in lines:
        strip_boilerplate((line + "\n") * 1000)
    strip_boilerplate("\n" * 500_000)
    strip_boilerplate("x\n" * 100_000)


def test_boilerplate_of_real_page_is_stripped():
    cleaned = strip_boilerplate(require_shared_path("seed/article.fr.txt").read_text(encoding="utf-8"))
    for furniture in ("justlogo", "Mis à jour", "lire aussi", "Crédits", "Bar à innovations", "OpenMIC"):
        assert furniture not in cleaned
    for sentence in (
        "Ce mercredi 10 juin",
        "un an.",
        "une centaine d’employés",
        "c’était IBM",
        "notre société.",
    ):
        assert sentence in cleaned


@check_cases("language", ["fr", "en"])
def test_real_articles_lose_little_text(language):
    with gzip.open(require_shared_path(f"articles/{language}.jsonl.gz"), "rt", encoding="utf-8") as file:
        texts = [json.loads(line)["text"] for line in file][::10]
    kept_length = sum(len(strip_boilerplate(text)) for text in texts)
    assert kept_length >= 0.96 * sum(map(len, texts))
    assert all(len(strip_boilerplate(text)) >= 0.6 * len(text) or len(text) < 300 for text in texts)


def test_footer_of_reddit_entry_is_stripped():
    end = "submitted by /u/ada\n[link] [comments]"
    assert strip_boilerplate(f"{ARTICLE}\n\n{end}") == ARTICLE
    assert strip_boilerplate(end) == ""
