"""The search syntax by example: three articles, and which of them each query finds, wherever it is typed."""

from __future__ import annotations

from typing import Any

AMAZON, CITIES, ENGINE = (
    "Amazon suspend la reconnaissance faciale",
    "Cities ban facial recognition",
    "A new engine",
)

ARTICLES: tuple[dict[str, Any], ...] = (
    {
        "title": AMAZON,
        "text": "Un moratoire d’un an pour la police américaine. Les employés l’avaient demandé.",
        "language": "fr",
        "source": "Le Fil",
        "author": "Amadeo Ruiz",
        "tags": ["IA", "Vie privée"],
        "image": "https://lefil.example/amazon.png",
        "days": 3,
    },
    {
        "title": CITIES,
        "text": "A moratorium was voted in June, and the police has to wait.",
        "language": "en",
        "source": "Example News",
        "author": "Jane Doe",
        "tags": ["Privacy"],
        "image": None,
        "days": 20,
    },
    {
        "title": ENGINE,
        "text": "A browser written in a safe language.",
        "language": "en",
        "source": "Example News",
        "author": "Jane Doe",
        "tags": ["Software"],
        "image": None,
        "days": 40,
    },
)
"""`days` is the age."""

FOUND: dict[str, tuple[str, ...]] = {
    "POLICE": (AMAZON, CITIES),
    "polices americaines": (AMAZON,),
    "l’employé": (AMAZON,),
    '"reconnaissance faciale"': (AMAZON,),
    "« facial recognition »": (CITIES,),
    "police -moratorium": (AMAZON,),
    "police SAUF moratorium": (AMAZON,),
    "browser OR moratorium": (ENGINE, CITIES),
    "browser OU moratoire": (ENGINE, AMAZON),
    "(browser | moratoire) -police": (ENGINE,),
    "title:facial": (CITIES, AMAZON),
    "titre:police": (),
    'titre:"facial recognition"': (CITIES,),
    'source:"Le Fil"': (AMAZON,),
    "source: fil": (AMAZON,),
    "média:lefil": (AMAZON,),
    "police -source:fil": (CITIES,),
    "author:amadeo": (AMAZON,),
    'auteur:"jane doe" police': (CITIES,),
    "tag:ia": (AMAZON,),
    "étiquette:“vie privee”": (AMAZON,),
    "tag:privacy OR tag:software": (CITIES, ENGINE),
    "lang:fr": (AMAZON,),
    "langue:anglais": (CITIES, ENGINE),
    "since:7d": (AMAZON,),
    "depuis:30j": (AMAZON, CITIES),
    "depuis : 7j": (AMAZON,),
    "since: police": (AMAZON, CITIES),
    "avant:30j": (ENGINE,),
    "before:7d since:30d": (CITIES,),
    "has:image": (AMAZON,),
    "avec:image": (AMAZON,),
    "a:image": (AMAZON,),
    "contient:photo": (AMAZON,),
    "site:lefil": (AMAZON,),
    "-has:image police": (CITIES,),
}
"""Articles that match wholly, by query."""

TOLD = {
    'police "facial recognition': "A quotation mark is not closed",
    "police since:whenever": "“whenever” is no date that I know",
    "police lang:klingon": "“klingon” is no language that I know",
    "police has:fun": "“has:fun” is no filter",
    "police source:": "“source:” has no value and was left out.",
    "source : fil": "“source : fil” was read as source:fil.",
    "since: police": "“since:” has no value and was left out.",
    "since:30d": "“30d” was read as since",
    "police OR": "OR stands between two words",
    "OU police": "OR stands between two words",
    "- police": "“-” excludes a word that it touches: one that stands alone was left out.",
    "police NOT": "NOT stands before a word: one that no word follows was left out.",
    "((((((police))))))": "Parentheses within more than 5 others were left out.",
    "(police": "A parenthesis is not closed",
    "police)": "A closing parenthesis that none opens was left out.",
    "date:2020": "There is no filter “date:”: I looked for the words of “date:2020”.",
    "since:2020-02-01 before:2020-01-01": "These dates leave no time between them.",
    "the who": "In quotation marks they are looked for as a phrase.",
    '"the who"': "Nearly every article has the words of “the who”: only the newest were read for it.",
    "()": "There is nothing in this that I can look for.",
    "the": "Nearly every article has these words: the.",
    "the a the": "Nearly every article has these words: the, a.",
    "police lang:de": "No article is in the language “de”.",
    "ploice": "No article has the word “ploice”.",
    "titre:recogniton": "No title has the word “recogniton”.",
    "source:exemple": "There is no source “exemple”.",
    "étiquette:privacie": "No article has the tag “privacie”.",
    'auteur:"jane do"': "No article has an author “jane do”.",
    "source:le fil": "“source:le” was read without “fil”: a name of several words takes quotation marks.",
}
"""What a person is told, by query."""

MEANT = {
    "moratorim": ("moratorium",),
    "ploice": ("police",),
    "titre:recogniton": ("recognition",),
    '"facial recogniton"': ("recognition",),
    "browsr engin polise": ("browser", "police"),
    "source:exemple": ("Example News",),
    "tag:privacie": ("Privacy",),
    'auteur:"jane do"': ("Jane Doe",),
    "source:le fil police": ('source:"Le Fil" police',),
    "auteur: jane doe moratorium": ('auteur:"Jane Doe" moratorium',),
    "étiquette:vie privee": ('étiquette:"Vie privée"',),
}
"""What a person may have meant, by query."""
