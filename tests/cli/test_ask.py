"""`telex ask`: output for people and JSON for scripts, with and without a model service."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from tests.support.model_service import ModelService
from tests.support.telex_command import make_article_line

QUESTION = "Depuis quand la version 1 est-elle disponible ?"


def test_briefing_lists_dated_articles_and_sources(telex):
    now = datetime.now(UTC)
    articles_jsonl = [
        make_article_line(number, title=title, published=(now - timedelta(hours=hours)).isoformat())
        for number, (title, hours) in enumerate(
            [
                ("Mistral ouvre un bureau", 30),
                ("Mistral publie un modèle", 2),
                ("Mistral lève des fonds", 900),
            ]
        )
    ]
    telex("import", "-", given="\n".join(articles_jsonl))
    question = "quoi de neuf chez Mistral ces 7 derniers jours ?"
    output = telex("ask", question).stdout
    first, second = (output.index(title) for title in ("Mistral publie un modèle [1]", "Mistral ouvre un bureau [2]"))
    assert first < second
    assert "fonds" not in output
    (answer,) = telex.json("ask", question, "--json")
    assert list(answer) == [
        "question", "answered", "tier", "quotes", "possible", "written",
        "sources", "nearest", "newest", "period", "lines"
    ]  # fmt: skip
    assert [digest_line["title"] for digest_line in answer["lines"]] == [
        "Mistral publie un modèle",
        "Mistral ouvre un bureau",
    ]
    assert list(answer["lines"][0]) == ["url", "title", "source", "published", "text"]
    assert answer["lines"][1]["text"].startswith("La version 0 corrige des failles")
    assert answer["newest"] == answer["lines"][0]["published"]
    assert datetime.fromisoformat(answer["newest"]) < now
    assert answer["answered"]
    begin, end = (datetime.fromisoformat(answer["period"][name]) for name in ("since", "before"))
    assert abs((end - begin) - timedelta(days=7)) <= timedelta(seconds=2)
    assert f"Period: {begin:%b} {begin.day}" in telex("ask", question).stderr
    assert [source["title"] for source in answer["sources"]] == [
        "Mistral publie un modèle",
        "Mistral ouvre un bureau",
    ]
    assert 1 <= len(answer["quotes"]) <= 3
    (empty,) = telex.json("ask", "quoi de neuf chez OpenAI depuis hier ?", "--json")
    assert empty["answered"] is False
    assert empty["quotes"] == empty["sources"] == []
    assert empty["newest"] == answer["newest"]
    assert "lines" not in empty


def test_period_without_articles_is_reported(telex):
    article_jsonl = make_article_line(
        1, title="La Révolution en livres", text="La prise de la Bastille a eu lieu un mardi."
    )
    telex("import", "-", given=article_jsonl)
    for question in ("What happened in 1789?", "Que s’est-il passé en 1789 ?"):
        errors = telex("ask", question).stderr
        assert "Period: 1789" in errors
        assert "None is from that period: the oldest is from" in errors
        assert "The newest is from" in errors
        (answer,) = telex.json("ask", question, "--json")
        assert answer["answered"] is False
        assert answer["quotes"] == answer["sources"] == []
        assert answer["period"] == {"since": "1789-01-01T00:00:00Z", "before": "1790-01-01T00:00:00Z"}


def test_answer_sentence_is_printed_and_passage_in_json(telex):
    text = "Un câble est coupé. La réparation du câble Nordwave coûte 12 millions d’euros. Personne n’est blessé."
    telex("import", "-", given=make_article_line(1, title="Des nouvelles de la mer", text=text))
    question = "combien coûte la réparation du câble Nordwave"
    assert "“La réparation du câble Nordwave coûte 12 millions d’euros.” [1]" in telex("ask", question).stdout
    (answer,) = telex.json("ask", question, "--json")
    (quote, *_) = answer["quotes"] or answer["possible"]
    assert quote["text"] in text
    assert quote["answer"] == "12 millions d’euros"
    unknown = telex("ask", "Quand la tour Eiffel a-t-elle été construite ?")
    assert unknown.stdout == "Nothing on this in the 1 stored article.\n"
    unsure = telex("ask", "quand le câble a été coupé")
    assert unsure.stdout.startswith("Not sure. This may not answer it:\n“Un câble est coupé.")


def test_thanks_get_no_quote(telex):
    telex("import", "-", given=make_article_line(1, title="Merci patron", text="Merci patron est un film."))
    assert "You’re welcome!" in telex("ask", "merci").stderr
    (answer,) = telex.json("ask", "merci", "--json")
    assert not answer["answered"]
    assert not answer["nearest"]


async def test_model_writes_answer_and_is_named(telex, feed_server):
    service = ModelService(feed_server)
    telex.environment |= {"TELEX_MODEL_URL": service.url, "TELEX_MODEL_NAME": "small"}
    await asyncio.to_thread(telex, "import", "-", given=make_article_line(1))
    service.answer_with("La version 1 est disponible depuis lundi [1].")
    completed = await asyncio.to_thread(telex, "ask", QUESTION)
    assert "La version 1 est disponible depuis lundi. [1]" in completed.stdout
    assert "small" in completed.stderr
    (answer,) = await asyncio.to_thread(telex.json, "ask", QUESTION, "--json")
    assert answer["written"] == [{"text": "La version 1 est disponible depuis lundi.", "cites": [1]}]
    assert answer["sources"][0]["url"] == "https://news.example/1"
    service.send_body(b"", 500)
    completed = await asyncio.to_thread(telex, "ask", QUESTION)
    assert "HTTP 500" in completed.stderr
    (answer,) = await asyncio.to_thread(telex.json, "ask", QUESTION, "--json")
    assert answer["written"] == []
    assert "La version 1" in completed.stdout
    completed = await asyncio.to_thread(telex, "check", status=1)
    assert "replies can't be used for: rewrite, answer" in " ".join(completed.stdout.replace("│", " ").split())
    service.answer_with("The new bridge in Lyon opened in 2019 [1].")
    completed = await asyncio.to_thread(telex, "check")
    assert "answered a test in" in " ".join(completed.stdout.replace("│", " ").split())
    service.answer_with("It is a bridge [1].")
    completed = await asyncio.to_thread(telex, "check", status=1)
    assert "whose answer it was shown" in " ".join(completed.stdout.replace("│", " ").split())
    telex.environment["TELEX_MODEL_NAME"] = "large"
    completed = await asyncio.to_thread(telex, "check", status=1)
    assert "no model 'large'" in completed.stdout


def test_invalid_model_address_is_rejected_at_start(telex):
    telex.environment["TELEX_MODEL_URL"] = "127.0.0.1:11434"
    assert "TELEX_MODEL_URL" in telex("ask", QUESTION, status=2).stderr
