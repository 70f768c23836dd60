"""Finding by meaning: what is encoded and when, what is found, what stays as it was. The encoder is a toy."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bot.answers import answer_pipeline
from bot.core.configuration.settings import Settings
from bot.core.configuration.settings_reading import read_settings
from bot.search.semantic import article_encoder, passage_encoder, semantic_index
from bot.search.semantic.semantic_index import SemanticIndex, open_semantic_index
from bot.store import Store
from bot.store.content.encoded_articles import STALE_INDEX_SECONDS
from tests.search import toy_encoder
from tests.support import store_probe
from tests.support.search.searchers import searcher_of
from tests.support.store_probe import Column


@pytest.fixture(autouse=True)
def _toy(monkeypatch) -> None:
    monkeypatch.setattr(article_encoder, "encode_texts", toy_encoder.encode)
    monkeypatch.setattr(article_encoder, "find_model_id", lambda: "toy 1")
    monkeypatch.setattr(passage_encoder, "compute_cosines", toy_encoder.cosines)


@pytest.fixture
def settings(tmp_path) -> Settings:
    return replace(read_settings(), semantic=True, database=tmp_path / "telex.db")


@pytest.fixture
async def sense(store, settings) -> AsyncIterator[SemanticIndex]:
    async with open_semantic_index(settings, store) as opened_meaning:
        assert opened_meaning is not None
        yield opened_meaning


async def search_titles(store: Store, sense: SemanticIndex, query: str, **options: object) -> list[str]:
    await sense.encode_missing()
    await sense.start_encoder()
    page = await searcher_of(store, sense).search(query, feed_ids=options.pop("feeds", None), **options)  # type: ignore[arg-type]  # as given
    return [hit.article.title for hit in page.results]


async def test_an_article_is_found_in_words_that_it_does_not_have(store, library, sense):
    await library.add("A hound", "It ran away.")
    await library.add("Nothing of it", "It ran after something.")
    assert (await search_titles(store, sense, "the dog which ran"))[0] == "A hound"


async def test_of_what_has_none_of_the_words_nobody_says_that_it_has_some(store, library, sense):
    await library.add("A hound", "It slept.")
    await library.add("A dog", "It slept.")
    await sense.encode_missing()
    await sense.start_encoder()
    page = await searcher_of(store, sense).search("dog rain", feed_ids=None)
    alike = {hit.article.title: (hit.is_partial, hit.is_semantic_only) for hit in page.results}
    assert alike == {"A dog": (True, False), "A hound": (True, True)}


async def test_an_article_of_the_other_language_is_found(store, library, sense):
    await library.add("The drizzle", "No end of it.", language="en")
    await library.add("Le soleil", "Il brille demain.", language="fr")
    assert "The drizzle" in await search_titles(store, sense, "où est la pluie demain")


async def test_only_what_may_be_seen_is_found(store, library, sense):
    secret = await library.new_feed("Secret")
    await library.add("A hound", "Secret.", feed=secret)
    await library.add("Public", "Something ran.")
    assert await search_titles(store, sense, "dog ran", feeds={library.feed.id}) == ["Public"]
    assert await search_titles(store, sense, "dog ran", feeds=set()) == []


@pytest.mark.parametrize("condition", ["lang:en", "since:3d", "-barking", "source:gazette", '"one hound"'])
async def test_conditions_hold_for_what_meaning_finds(store, library, sense, condition):
    await library.add("Right", "one hound", days=1)
    other_feed = await library.new_feed("Other")
    await library.add("Wrong", "another hound barking", days=9, language="fr", feed=other_feed)
    assert await search_titles(store, sense, f"automobile dog {condition}") == ["Right"]


async def test_what_has_all_words_stays_as_it_is(store, library, sense):
    for number in range(8):
        await library.add(f"{number} rain", "A car in the rain. " * (number % 3 + 1))
    await library.add("Another automobile", "drizzle")
    without = await searcher_of(store).search("car rain", feed_ids=None)
    assert await search_titles(store, sense, "car rain") == [hit.article.title for hit in without.results]


async def test_each_article_is_encoded_once_and_new_ones_after_a_restart(store, library, settings):
    await library.add("car")
    await library.add("dog")
    async with open_semantic_index(settings, store) as first:
        assert await first.encode_missing() == 2
        assert await first.encode_missing() == 0
    await library.add("rain")
    async with open_semantic_index(settings, store) as then:
        assert await then.encode_missing() == 1
        assert set(await search_titles(store, then, "hound drizzle automobile")) == {"car", "dog", "rain"}


@pytest.mark.parametrize("harm", ["gone", "damaged", "older"])
async def test_files_that_are_missing_damaged_or_of_another_time_are_made_anew(
    store, library, settings, tmp_path, harm
):
    await library.add("car")
    folder = semantic_index.get_vectors_folder(settings)
    async with open_semantic_index(settings, store) as first:
        await first.encode_missing()
    shutil.copytree(folder, tmp_path / "older")
    await library.add("dog")
    async with open_semantic_index(settings, store) as second:
        await second.encode_missing()
    if harm == "damaged":
        for file in folder.glob("*.usearch"):
            file.write_bytes(file.read_bytes()[:100])
    else:
        shutil.rmtree(folder)
    if harm == "older":
        (tmp_path / "older").rename(folder)
    async with open_semantic_index(settings, store) as third:
        assert third is not None
        assert set(await search_titles(store, third, "hound automobile")) == {"car", "dog"}


async def test_one_process_encodes_at_a_time_and_others_see_it(store, library, settings, sense):
    await library.add("car")
    assert await sense.encode_missing() == 1
    await library.add("dog")
    async with open_semantic_index(settings, store) as other_meaning:
        assert await other_meaning.encode_missing() == 0
        await sense.encode_missing()
        assert await search_titles(store, other_meaning, "hound") == ["dog"]


async def test_two_processes_with_an_index_each_encode_what_comes_once(store, library, settings, sense, tmp_path):
    await library.add("car")
    assert await sense.encode_missing() == 1
    elsewhere = replace(settings, database=tmp_path / "elsewhere" / "telex.db")
    async with open_semantic_index(elsewhere, store) as other_meaning:
        assert await other_meaning.encode_missing() == 1
        await library.add("dog")
        assert await sense.encode_missing() == 1
        assert await other_meaning.encode_missing() == 1
    assert await sense.encode_missing() == 0


async def test_a_backup_holds_no_vectors(store, library, sense, settings, tmp_path, clock):
    await library.add("car")
    await sense.encode_missing()
    await store.backup(tmp_path / "copy.db")
    copy = await Store.open(tmp_path / "copy.db", clock)
    try:
        elsewhere = replace(settings, database=tmp_path / "copy.db")
        async with open_semantic_index(elsewhere, copy) as restored:
            assert restored is not None
            assert await search_titles(copy, restored, "automobile") == ["car"]
    finally:
        await copy.close()


async def test_while_the_bot_runs_it_encodes_what_there_is_and_what_comes(store, library, sense, clock):
    async def encoded(count: int) -> None:
        async with asyncio.timeout(30):
            while (await store.encoded_articles.count_encoded()).encoded_count < count:
                clock.advance(semantic_index.CHECK_INTERVAL_SECONDS)
                await asyncio.sleep(0.01)

    await library.add("car")
    running = asyncio.create_task(sense.run())
    await encoded(1)
    await library.add("A hound", "It ran.")
    await encoded(2)
    page = await searcher_of(store, sense).search("dog automobile", feed_ids=None)
    assert {hit.article.title for hit in page.results} == {"car", "A hound"}
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_an_interruption_loses_nothing_that_was_written(store, library, sense, monkeypatch):
    monkeypatch.setattr(semantic_index, "ARTICLES_PER_SAVE", 2)
    for number in range(6):
        await library.add(f"car {number}")
    reached = asyncio.Event()
    task = asyncio.create_task(sense.encode_missing(lambda _done, _total: reached.set()))
    await reached.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    before = (await store.encoded_articles.count_encoded()).encoded_count
    assert before
    assert await sense.encode_missing() == 6 - before


async def test_an_article_whose_words_changed_is_encoded_anew_and_found_by_them(store, library, sense, settings):
    changed = await library.add("A hound", "It ran.")
    await library.add("Nothing", "It ran.")
    await search_titles(store, sense, "dog ran")
    store_probe.set_column(settings.database, Column.ARTICLE_TITLE, "A drizzle", row_ids=[changed])
    assert (await search_titles(store, sense, "pluie ran"))[0] == "A drizzle"


async def test_a_change_that_means_nothing_costs_no_encoding(store, library, sense, settings):
    article_id = await library.add("A hound", "It ran.")
    await sense.encode_missing()
    for column, cell in ((Column.ARTICLE_UPDATED_AT, 1), (Column.ARTICLE_TITLE, "A hound")):
        store_probe.set_column(settings.database, column, cell, row_ids=[article_id])
    assert await sense.encode_missing() == 0


async def test_a_vector_goes_with_its_article(store, library, sense, settings):
    deleted_id = await library.add("A hound", "It ran.")
    await library.add("Nothing", "It ran.")
    await search_titles(store, sense, "dog ran")
    store_probe.delete(settings.database, "article", deleted_id)
    assert await search_titles(store, sense, "dog ran") == ["Nothing"]


async def test_what_changed_while_it_was_encoded_is_not_marked(store, library):
    changed = await library.add("A hound", "It ran.")
    ((_, source),) = await store.encoded_articles.load_texts_to_encode([changed])
    assert await store.encoded_articles.mark_encoded("stamp", [(changed, "A dog\nIt ran.")]) == 0
    assert await store.encoded_articles.mark_encoded("stamp", [(changed, source)]) == 1
    assert await store.encoded_articles.mark_encoded("stamp", [(changed, source)]) == 0
    assert await store.encoded_articles.list_unencoded_ids("stamp", 9) == []
    assert await store.encoded_articles.list_unencoded_ids("another process's", 9) == [changed]
    await store.encoded_articles.purge_stale_indexes(store.clock.now() + STALE_INDEX_SECONDS + 1)
    assert await store.encoded_articles.list_unencoded_ids("stamp", 9) == [changed]


async def test_vectors_of_another_model_are_made_anew(store, library, settings, monkeypatch):
    await library.add("A hound")
    async with open_semantic_index(settings, store) as older:
        await older.encode_missing()
    monkeypatch.setattr(article_encoder, "find_model_id", lambda: "toy 2")
    async with open_semantic_index(settings, store) as newer:
        assert await newer.encode_missing() == 1


async def test_a_text_that_kills_the_encoder_stops_nothing(store, library, sense):
    await library.add("A deadly text")
    await library.add("A hound", "It ran.")
    await library.add("Nothing", "It ran.")
    assert (await search_titles(store, sense, "dog ran"))[0] == "A hound"
    assert await sense.encode_missing() == 0


async def test_words_are_looked_for_when_the_encoder_dies(store, library, sense, monkeypatch):
    await library.add("A hound", "It ran.")
    await library.add("Something", "It ran.")
    await search_titles(store, sense, "dog ran")
    monkeypatch.setattr(article_encoder, "encode_texts", toy_encoder.exit_process)
    assert await search_titles(store, sense, "automobile something") == ["Something"]


async def test_words_are_looked_for_while_the_encoder_starts(store, library, sense):
    await library.add("Something", "It ran.")
    page = await searcher_of(store, sense).search("automobile something", feed_ids=None)
    assert [hit.article.title for hit in page.results] == ["Something"]


async def test_the_settings_and_a_missing_extra_switch_it_off(store, settings, monkeypatch):
    async with open_semantic_index(replace(read_settings(), semantic=False), store) as off:
        assert off is None
    monkeypatch.setattr(article_encoder, "find_model_id", lambda: None)
    async with open_semantic_index(settings, store) as absent:
        assert absent is None


async def test_how_alike_texts_are_is_told_once_the_encoder_runs(sense):
    assert await sense.compute_passage_cosines("a car", ["une voiture", "rain"]) is None
    await sense.start_encoder()
    likeness = await sense.compute_passage_cosines("a car", ["une voiture", "rain"])
    assert likeness[0] > 0.9 > likeness[1]


async def test_without_the_encoder_words_alone_answer(store, library, sense, monkeypatch):
    await library.add("Rekognition", "Rekognition was launched in 2016 by Amazon.")
    await sense.encode_missing()
    await sense.start_encoder()
    monkeypatch.setattr(article_encoder, "encode_texts", toy_encoder.exit_process)
    monkeypatch.setattr(passage_encoder, "compute_cosines", toy_encoder.exit_process)
    answer = await answer_pipeline.answer_question(
        searcher_of(store, sense), "When was Rekognition launched?", feed_ids=None
    )
    assert answer == await answer_pipeline.answer_question(
        searcher_of(store), "When was Rekognition launched?", feed_ids=None
    )
    assert answer.quotes
