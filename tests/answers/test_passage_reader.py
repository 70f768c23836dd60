"""The reader of passages: any text, any file."""

import io
import json

import numpy as np
import pytest
from sentencepiece import SentencePieceTrainer

from bot.answers import passage_reader
from bot.answers.passage_reader import (
    BLOCK,
    END,
    FORMAT,
    MAX_ANSWER_PIECES,
    PAD,
    START,
    UNKNOWN,
    Passage,
    PassageReader,
    ReaderFileError,
    read_passages,
    read_reader_file,
)

WIDTH = 64
PASSAGES = {
    "sentence": "La société a été fondée par trois chercheurs.",
    "empty": "",
    "white space": " \n\t ",
    "endless word": "a" * 20_000,
    "emoji": "🎉🔖👩‍👩‍👧‍👦" * 300,
    "arabic": "تأسست الشركة في عام ٢٠٢٣ في باريس.",
    "surrogate": "before \ud83d after",
    "controls": "\x00\x07\u2028\u202e text \ufeff",
}


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    """A network of one layer with random weights, and a small vocabulary."""
    vocabulary = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(["the company was founded in Paris", "la société a trois chercheurs"] * 20),
        model_writer=vocabulary,
        vocab_size=60,
        hard_vocab_limit=False,
        bos_id=START,
        pad_id=PAD,
        eos_id=END,
        unk_id=UNKNOWN,
        normalization_rule_name="nmt_nfkc",
        minloglevel=3,
    )
    about = {"format": FORMAT, "heads": 2, "layers": 1, "epsilon": 1e-12}
    rng = np.random.default_rng(7)
    shapes = {"q": (WIDTH, WIDTH), "k": (WIDTH, WIDTH), "v": (WIDTH, WIDTH), "ao": (WIDTH, WIDTH)}
    shapes |= {"fi": (2 * WIDTH, WIDTH), "fo": (WIDTH, 2 * WIDTH)}
    arrays = {
        "about": np.frombuffer(json.dumps(about).encode(), np.uint8),
        "vocabulary": np.frombuffer(vocabulary.getvalue(), np.uint8),
        "emb.word": rng.integers(0, 256, (80, WIDTH // 2), np.uint8),
        "emb.word.scales": np.full((80, WIDTH // BLOCK), 0.1, np.float16),
        "emb.pos": rng.normal(size=(512, WIDTH)).astype(np.float16),
        "emb.type": np.zeros((2, WIDTH), np.float16),
        "span.w": rng.normal(size=(2, WIDTH)).astype(np.float32),
        "span.b": np.zeros(2, np.float32),
    }
    for name, (rows, columns) in shapes.items():
        arrays[f"l0.{name}.w"] = rng.integers(-127, 128, (rows, columns), np.int8)
        arrays[f"l0.{name}.w.scales"] = np.full((rows, columns // BLOCK), 0.002, np.float16)
        arrays[f"l0.{name}.b"] = np.zeros(rows, np.float16)
    for name in ("emb.ln", "l0.aln", "l0.oln"):
        arrays |= {f"{name}.w": np.ones(WIDTH, np.float16), f"{name}.b": np.zeros(WIDTH, np.float16)}
    return arrays


def write_file(arrays: dict[str, np.ndarray]) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


@pytest.mark.parametrize("text", PASSAGES.values(), ids=PASSAGES)
@pytest.mark.parametrize("question", ["Who?", "", "q" * 2_000, "\ud83d"], ids=["short", "empty", "long", "surrogate"])
def test_any_text_is_read(arrays, question, text):
    reader = PassageReader(arrays)
    encoded_passage = reader.encode(question, Passage(text, text))
    assert len(encoded_passage.ids) <= arrays["emb.pos"].shape[0]

    (reading,) = reader.read(question, [Passage("A headline", text)])

    assert 0 <= reading.start <= reading.end <= len(text)
    words = text[reading.start : reading.end]
    assert words == words.strip()
    assert bool(text.strip()) or (words == "" and reading.log_odds == float("-inf"))


def test_passage_is_read_alike_alone_and_beside_others(arrays):
    reader = PassageReader(arrays)
    passages = [Passage("Headline", text) for text in PASSAGES.values()]

    together = reader.read("Who founded the company?", passages)

    for passage, reading in zip(passages, together, strict=True):
        (alone,) = reader.read("Who founded the company?", [passage])
        assert (alone.start, alone.end) == (reading.start, reading.end)
        assert alone.log_odds == pytest.approx(reading.log_odds, abs=1e-3)
    assert reader.read("Who founded the company?", []) == []


def test_words_are_those_of_best_start_and_end(arrays):
    reader = PassageReader(arrays)
    text = "the company was founded in Paris"
    encoded_passage = reader.encode("Where?", Passage("", text))
    (scores,) = reader.score_pieces([encoded_passage])
    first = encoded_passage.text_start
    best = max(
        (
            (scores[first + start, 0] + scores[first + end, 1], start, end)
            for start in range(len(encoded_passage.offsets))
            for end in range(start, min(start + MAX_ANSWER_PIECES, len(encoded_passage.offsets)))
        ),
    )

    (reading,) = reader.read("Where?", [Passage("", text)])

    assert reading.log_odds == pytest.approx(best[0] - scores[0].sum(), abs=1e-4)
    assert text[: reading.end] == text[: encoded_passage.offsets[best[2]][1]].rstrip()


def test_unusable_file_is_one_error(arrays):
    data = write_file(arrays)
    read_reader_file(data)
    other_format = np.frombuffer(json.dumps({"format": FORMAT + 1}).encode(), np.uint8)
    unusable = {
        "cut": data[: len(data) // 2],
        "empty": b"",
        "no archive": b"\x00" * 100,
        "other version": write_file(arrays | {"about": other_format}),
        "other width": write_file(arrays | {"l0.q.b": np.zeros(WIDTH + 1, np.float16)}),
        "missing array": write_file({name: array for name, array in arrays.items() if name != "l0.fo.w"}),
        "no vocabulary": write_file(arrays | {"vocabulary": np.zeros(10, np.uint8)}),
    }
    for name, content in unusable.items():
        with pytest.raises(ReaderFileError):
            read_reader_file(content)
        assert name


def test_missing_file_is_one_log_line(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(passage_reader, "READER_FILE", tmp_path / "answer_reader.npz")
    passage_reader.load_reader.cache_clear()
    try:
        assert read_passages("Who?", [Passage("", "text")]) is None
        assert read_passages("Who?", [Passage("", "text")]) is None
    finally:
        passage_reader.load_reader.cache_clear()
    assert [record.message.split(":")[0] for record in caplog.records] == ["Answers come without the reader"]
