"""Vocabulary of the reader: the pieces of the base that news in English and French need."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable

import numpy as np
from sentencepiece import SentencePieceProcessor, SentencePieceTrainer, sentencepiece_model_pb2

from benchmarks.reader_fit.base_weights import BaseWeights
from bot.answers.passage_reader import END, PAD, START, UNKNOWN

SPECIAL_PIECES = 4


def cut_vocabulary(base: BaseWeights, texts: Iterable[str], size: int) -> tuple[bytes, np.ndarray]:
    """Return a SentencePiece model of the `size` pieces most used in the texts, and their ids in the base.

    Ties go to the likelier piece. The first four pieces are the base's special ones.
    """
    whole = SentencePieceProcessor(model_proto=_build_model(base, np.arange(len(base.pieces) - 1)))
    counts = Counter(piece for text in texts for piece in whole.encode(text) if piece >= SPECIAL_PIECES)
    by_use = sorted(range(SPECIAL_PIECES, len(base.pieces) - 1), key=lambda piece: (-counts[piece], piece))
    ids = np.array([*range(SPECIAL_PIECES), *sorted(by_use[: size - SPECIAL_PIECES])])
    return _build_model(base, ids), ids


def _build_model(base: BaseWeights, ids: np.ndarray) -> bytes:
    model = sentencepiece_model_pb2.ModelProto.FromString(_train_smallest_model())  # type: ignore[attr-defined]
    del model.pieces[:]
    types = sentencepiece_model_pb2.ModelProto.SentencePiece.Type  # type: ignore[attr-defined]
    special = {START: types.CONTROL, PAD: types.CONTROL, END: types.CONTROL, UNKNOWN: types.UNKNOWN}
    for position, piece in enumerate(ids):
        model.pieces.add(piece=base.pieces[piece], score=base.scores[piece], type=special.get(position, types.NORMAL))
    trainer = model.trainer_spec
    trainer.bos_id, trainer.pad_id, trainer.eos_id, trainer.unk_id = START, PAD, END, UNKNOWN
    trainer.vocab_size = len(model.pieces)
    return model.SerializeToString()


def _train_smallest_model() -> bytes:
    """Return any model that normalizes as XLM-RoBERTa's does: its rules are in no other place than a trained model."""
    file = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(["one two", "un deux"] * 20),
        model_writer=file,
        vocab_size=20,
        hard_vocab_limit=False,
        normalization_rule_name="nmt_nfkc",
        minloglevel=3,
    )
    return file.getvalue()
