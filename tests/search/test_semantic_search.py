"""Semantic search, with a toy encoder."""

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
from bot.store.content.indexed_articles import STALE_INDEX_SECONDS
from tests.search import toy_encoder
from tests.support import store_probe
from tests.support.search.searchers import build_searcher
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
async def semantic(store, settings) -> AsyncIterator[SemanticIndex]:
    async with open_semantic_index(settings, store) as opened_meaning:
        assert opened_meaning is not None
        yield opened_meaning


async def search_titles(store: Store, semantic: SemanticIndex, query: str, **options: object) -> list[str]:
    await semantic.encode_missing()
    await semantic.start_encoder()
    page = await build_searcher(store, semantic).search(query, feed_ids=options.pop("feeds", None), **options)  # type: ignore[arg-type]  # as given
    return [hit.article.title for hit in page.results]


async def test_article_is_found_by_synonyms(store, library, semantic):
    await library.add("A hound", "It ran away.")
    await library.add("Nothing of it", "It ran after something.")
    assert (await search_titles(store, semantic, "the dog which ran"))[0] == "A hound"


async def test_semantic_match_without_words_is_flagged(store, library, semantic):
    await library.add("A hound", "It slept.")
    await library.add("A dog", "It slept.")
    await semantic.encode_missing()
    await semantic.start_encoder()
    page = await build_searcher(store, semantic).search("dog rain", feed_ids=None)
    alike = {hit.article.title: (hit.is_partial, hit.is_semantic_only) for hit in page.results}
    assert alike == {"A dog": (True, False), "A hound": (True, True)}


async def test_article_in_other_language_is_found(store, library, semantic):
    await library.add("The drizzle", "No end of it.", language="en")
    await library.add("Le soleil", "Il brille demain.", language="fr")
    assert "The drizzle" in await search_titles(store, semantic, "où est la pluie demain")


async def test_hidden_feeds_are_not_searched(store, library, semantic):
    secret = await library.new_feed("Secret")
    await library.add("A hound", "Secret.", feed=secret)
    await library.add("Public", "Something ran.")
    assert await search_titles(store, semantic, "dog ran", feeds={library.feed.id}) == ["Public"]
    assert await search_titles(store, semantic, "dog ran", feeds=set()) == []


@pytest.mark.parametrize("condition", ["lang:en", "since:3d", "-barking", "source:gazette", '"one hound"'])
async def test_filters_apply_to_semantic_matches(store, library, semantic, condition):
    await library.add("Right", "one hound", days=1)
    other_feed = await library.new_feed("Other")
    await library.add("Wrong", "another hound barking", days=9, language="fr", feed=other_feed)
    assert await search_titles(store, semantic, f"automobile dog {condition}") == ["Right"]


async def test_full_matches_keep_their_order(store, library, semantic):
    for number in range(8):
        await library.add(f"{number} rain", "A car in the rain. " * (number % 3 + 1))
    await library.add("Another automobile", "drizzle")
    without = await build_searcher(store).search("car rain", feed_ids=None)
    assert await search_titles(store, semantic, "car rain") == [hit.article.title for hit in without.results]


async def test_each_article_is_encoded_once_across_restarts(store, library, settings):
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
async def test_unusable_vector_files_are_rebuilt(store, library, settings, tmp_path, harm):
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


async def test_other_process_reads_vectors_of_encoding_process(store, library, settings, semantic):
    await library.add("car")
    assert await semantic.encode_missing() == 1
    await library.add("dog")
    async with open_semantic_index(settings, store) as other_meaning:
        assert await other_meaning.encode_missing() == 0
        await semantic.encode_missing()
        assert await search_titles(store, other_meaning, "hound") == ["dog"]


async def test_processes_with_own_index_encode_each_article_once(store, library, settings, semantic, tmp_path):
    await library.add("car")
    assert await semantic.encode_missing() == 1
    elsewhere = replace(settings, database=tmp_path / "elsewhere" / "telex.db")
    async with open_semantic_index(elsewhere, store) as other_meaning:
        assert await other_meaning.encode_missing() == 1
        await library.add("dog")
        assert await semantic.encode_missing() == 1
        assert await other_meaning.encode_missing() == 1
    assert await semantic.encode_missing() == 0


async def test_restored_backup_is_encoded_again(store, library, semantic, settings, tmp_path, clock):
    await library.add("car")
    await semantic.encode_missing()
    await store.backup(tmp_path / "copy.db")
    copy = await Store.open(tmp_path / "copy.db", clock)
    try:
        elsewhere = replace(settings, database=tmp_path / "copy.db")
        async with open_semantic_index(elsewhere, copy) as restored:
            assert restored is not None
            assert await search_titles(copy, restored, "automobile") == ["car"]
    finally:
        await copy.close()


async def test_running_index_encodes_old_and_new_articles(store, library, semantic, clock):
    async def wait_until_encoded(count: int) -> None:
        async with asyncio.timeout(30):
            while (await store.encoded_articles.count_encoded()).encoded_count < count:
                clock.advance(semantic_index.CHECK_INTERVAL_SECONDS)
                await asyncio.sleep(0.01)

    await library.add("car")
    running = asyncio.create_task(semantic.run())
    await wait_until_encoded(1)
    await library.add("A hound", "It ran.")
    await wait_until_encoded(2)
    page = await build_searcher(store, semantic).search("dog automobile", feed_ids=None)
    assert {hit.article.title for hit in page.results} == {"car", "A hound"}
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_interrupted_encoding_resumes(store, library, semantic, monkeypatch):
    monkeypatch.setattr(semantic_index, "ARTICLES_PER_SAVE", 2)
    for number in range(6):
        await library.add(f"car {number}")
    reached = asyncio.Event()
    task = asyncio.create_task(semantic.encode_missing(lambda _done, _total: reached.set()))
    await reached.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    before = (await store.encoded_articles.count_encoded()).encoded_count
    assert before
    assert await semantic.encode_missing() == 6 - before


async def test_changed_article_is_encoded_again(store, library, semantic, settings):
    changed = await library.add("A hound", "It ran.")
    await library.add("Nothing", "It ran.")
    await search_titles(store, semantic, "dog ran")
    store_probe.set_column(settings.database, Column.ARTICLE_TITLE, "A drizzle", row_ids=[changed])
    assert (await search_titles(store, semantic, "pluie ran"))[0] == "A drizzle"


async def test_unchanged_text_is_not_encoded_again(store, library, semantic, settings):
    article_id = await library.add("A hound", "It ran.")
    await semantic.encode_missing()
    for column, cell in ((Column.ARTICLE_UPDATED_AT, 1), (Column.ARTICLE_TITLE, "A hound")):
        store_probe.set_column(settings.database, column, cell, row_ids=[article_id])
    assert await semantic.encode_missing() == 0


async def test_deleted_article_loses_its_vector(store, library, semantic, settings):
    deleted_id = await library.add("A hound", "It ran.")
    await library.add("Nothing", "It ran.")
    await search_titles(store, semantic, "dog ran")
    store_probe.delete_row(settings.database, "article", deleted_id)
    assert await search_titles(store, semantic, "dog ran") == ["Nothing"]


async def test_article_changed_while_encoding_is_not_marked(store, library):
    changed = await library.add("A hound", "It ran.")
    ((_, source),) = await store.encoded_articles.load_texts_to_encode([changed])
    assert await store.encoded_articles.mark_encoded("stamp", [(changed, "A dog\nIt ran.")]) == 0
    assert await store.encoded_articles.mark_encoded("stamp", [(changed, source)]) == 1
    assert await store.encoded_articles.mark_encoded("stamp", [(changed, source)]) == 0
    assert await store.encoded_articles.list_unencoded_ids("stamp", 9) == []
    assert await store.encoded_articles.list_unencoded_ids("another process's", 9) == [changed]
    await store.encoded_articles.purge_stale_indexes(store.clock.now() + STALE_INDEX_SECONDS + 1)
    assert await store.encoded_articles.list_unencoded_ids("stamp", 9) == [changed]


async def test_other_model_encodes_all_articles_again(store, library, settings, monkeypatch):
    await library.add("A hound")
    async with open_semantic_index(settings, store) as older:
        await older.encode_missing()
    monkeypatch.setattr(article_encoder, "find_model_id", lambda: "toy 2")
    async with open_semantic_index(settings, store) as newer:
        assert await newer.encode_missing() == 1


async def test_deadly_text_is_skipped(store, library, semantic):
    await library.add("A deadly text")
    await library.add("A hound", "It ran.")
    await library.add("Nothing", "It ran.")
    assert (await search_titles(store, semantic, "dog ran"))[0] == "A hound"
    assert await semantic.encode_missing() == 0


async def test_search_falls_back_to_words_when_encoder_dies(store, library, semantic, monkeypatch):
    await library.add("A hound", "It ran.")
    await library.add("Something", "It ran.")
    await search_titles(store, semantic, "dog ran")
    monkeypatch.setattr(article_encoder, "encode_texts", toy_encoder.exit_process)
    assert await search_titles(store, semantic, "automobile something") == ["Something"]


async def test_search_uses_words_while_encoder_starts(store, library, semantic):
    await library.add("Something", "It ran.")
    page = await build_searcher(store, semantic).search("automobile something", feed_ids=None)
    assert [hit.article.title for hit in page.results] == ["Something"]


async def test_index_is_off_by_setting_or_missing_package(store, settings, monkeypatch):
    async with open_semantic_index(replace(read_settings(), semantic=False), store) as off:
        assert off is None
    monkeypatch.setattr(article_encoder, "find_model_id", lambda: None)
    async with open_semantic_index(settings, store) as absent:
        assert absent is None


async def test_passage_cosines_need_running_encoder(semantic):
    assert await semantic.compute_passage_cosines("a car", ["une voiture", "rain"]) is None
    await semantic.start_encoder()
    likeness = await semantic.compute_passage_cosines("a car", ["une voiture", "rain"])
    assert likeness[0] > 0.9 > likeness[1]


async def test_answers_need_no_encoder(store, library, semantic, monkeypatch):
    await library.add("Rekognition", "Rekognition was launched in 2016 by Amazon.")
    await semantic.encode_missing()
    await semantic.start_encoder()
    monkeypatch.setattr(article_encoder, "encode_texts", toy_encoder.exit_process)
    monkeypatch.setattr(passage_encoder, "compute_cosines", toy_encoder.exit_process)
    answer = await answer_pipeline.answer_question(
        build_searcher(store, semantic), "When was Rekognition launched?", feed_ids=None
    )
    assert answer == await answer_pipeline.answer_question(
        build_searcher(store), "When was Rekognition launched?", feed_ids=None
    )
    assert answer.quotes
