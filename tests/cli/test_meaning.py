"""The extra `semantic` on the command line, with the encoder itself."""

import json

from bot.search.semantic import article_encoder
from tests.support.telex_command import TelexCommand

STORIES = (
    ("The outage", "A fire destroyed a data centre in Strasbourg. Nobody was hurt.", "en"),
    ("The harvest", "Farmers expect a good year for apples and pears.", "en"),
    ("La récolte", "Les agriculteurs attendent une bonne année pour les pommes.", "fr"),
)


def test_imported_article_is_found_across_languages(tmp_path, launcher):
    telex = TelexCommand(tmp_path, launcher)
    telex.environment["TELEX_SEMANTIC"] = "true"
    lines = [
        json.dumps({"url": f"https://news.example/{title}", "title": title, "text": text, "language": language})
        for title, text, language in STORIES
    ]
    assert "3 encoded" in telex("import", "-", given="\n".join(lines)).stderr
    (answer,) = telex.json("search", "Quel bâtiment a brûlé dans l'incendie ?", "--json")
    assert answer["results"][0]["title"] == "The outage"
    checked = " ".join(telex("check").stdout.split())
    assert "3 of 3" in checked
    assert article_encoder.ENCODER_PACKAGE in checked


def test_nothing_is_encoded_without_semantic_setting(tmp_path, launcher):
    telex = TelexCommand(tmp_path, launcher)
    line = json.dumps({"url": "https://news.example/1", "title": "The outage", "text": "A fire."})
    assert "encoded" not in telex("import", "-", given=line).stderr
    assert "TELEX_SEMANTIC is false" in " ".join(telex("check").stdout.split())
