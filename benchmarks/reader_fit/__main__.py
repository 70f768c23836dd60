"""Fit the reader of answers and write its file.

    python -m benchmarks.reader_fit --data DATA --shared ../shared [--folder FOLDER] [--steps 1500] [--share 1]

DATA holds `squad-dev-v2.0.json`, `xquad.{en,de,es,ro}.json`, `qamr-{dev,test}.tsv` and `qamr-wiki-sentences.tsv` from
the public repositories that docs/reader.md names. A stopped run goes on from its checkpoint in FOLDER.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path

import torch
from sentencepiece import SentencePieceProcessor
from torch.nn import functional

from benchmarks.reader_fit import labelled_sets
from benchmarks.reader_fit.base_weights import load_base_weights
from benchmarks.reader_fit.labelled_sets import LabelledQuestion
from benchmarks.reader_fit.network import ReaderNetwork
from benchmarks.reader_fit.reader_file import write_reader_file
from benchmarks.reader_fit.reading_examples import ReadingExample, make_example
from benchmarks.reader_fit.vocabulary import cut_vocabulary
from bot.answers.passage_reader import PAD, READER_FILE

VOCABULARY_SIZE = 30_000
LEARNING_RATE = 1e-4
WARM_UP_STEPS = 60
BATCH_PIECES = 2_000
CHECKPOINT_STEPS = 50
NEWS_COPIES = 4
"""How often each question over news is read: they are few beside the encyclopedic ones, and what people ask."""


def list_questions(data: Path, shared: Path, *, with_qamr: bool) -> list[LabelledQuestion]:
    """Return the questions to fit on: what is held for measuring is left out by article."""
    squad = list(labelled_sets.iter_squad(data / "squad-dev-v2.0.json"))
    held = set(sorted({question.group for question in squad})[:: labelled_sets.HELD_SQUAD_SHARE])
    # XQuAD was translated from SQuAD's development set: the held articles are held in all languages.
    xquad = [data / f"xquad.{language}.json" for language in ("en", "de", "es", "ro")]
    questions = [*squad, *labelled_sets.iter_across_languages(xquad)]
    questions += [question for path in xquad for question in labelled_sets.iter_squad(path)]
    held_paragraphs = {question.paragraph for question in squad if question.group in held}
    english = list(labelled_sets.iter_squad(xquad[0]))
    held_indexes = {i for i, question in enumerate(english) if question.paragraph in held_paragraphs}
    count = len(english)
    questions = [
        question
        for i, question in enumerate(questions)
        if (question.group not in held if i < len(squad) else (i - len(squad)) % count not in held_indexes)
    ]
    encyclopedic = shared / "questions"
    piaf = labelled_sets.iter_documents(encyclopedic / "fr-docs.jsonl.gz", encyclopedic / "fr-questions.jsonl.gz")
    questions += [question for question in piaf for _ in range(2)]
    if with_qamr:
        for part in ("dev", "test"):
            questions += labelled_sets.iter_qamr(data / f"qamr-{part}.tsv", data / "qamr-wiki-sentences.tsv")
    news = list(list_news_questions(shared))
    held_news = list_held_news(news)
    return questions + [question for question in news if question.group not in held_news] * NEWS_COPIES


def list_news_questions(shared: Path) -> list[LabelledQuestion]:
    """Return the questions over news that lie beside this module, all of them."""
    articles = [shared / "articles" / f"{language}.jsonl.gz" for language in ("en", "fr")]
    path = Path(__file__).with_name("news_questions.jsonl")
    return list(labelled_sets.iter_news_questions(path, articles)) if path.exists() else []


def list_held_news(questions: list[LabelledQuestion]) -> set[str]:
    """Return the articles whose questions are kept for measuring."""
    return set(sorted({question.group for question in questions})[:: labelled_sets.HELD_NEWS_SHARE])


def iter_batches(examples: list[ReadingExample], rng: random.Random) -> list[list[ReadingExample]]:
    """Return the examples in batches of similar length with at most `BATCH_PIECES` pieces, in random order."""
    examples = sorted(examples, key=lambda example: (len(example.ids) // 8, rng.random()))
    batches: list[list[ReadingExample]] = [[]]
    for example in examples:
        if batches[-1] and len(example.ids) * (len(batches[-1]) + 1) > BATCH_PIECES:
            batches.append([])
        batches[-1].append(example)
    rng.shuffle(batches)
    return batches


def compute_loss(network: ReaderNetwork, batch: list[ReadingExample]) -> torch.Tensor:
    """Return the mean negative log-likelihood of the right first and last pieces; several right ones share it."""
    lengths = torch.tensor([len(example.ids) for example in batch])
    ids = torch.full((len(batch), int(lengths.max())), PAD)
    possible = torch.zeros(ids.shape, dtype=torch.bool)
    right = torch.zeros((*ids.shape, 2), dtype=torch.bool)
    for row, example in enumerate(batch):
        ids[row, : len(example.ids)] = torch.tensor(example.ids)
        possible[row, 0] = True
        possible[row, example.text_start : example.text_start + example.text_size] = True
        for first, last in example.spans:
            right[row, first, 0] = right[row, last, 1] = True
    with torch.autocast("cpu", dtype=torch.bfloat16):
        scores = network(ids, lengths)
    log_likelihoods = functional.log_softmax(scores.float().masked_fill(~possible[:, :, None], -1e4), dim=1)
    return -torch.logsumexp(log_likelihoods.masked_fill(~right, -1e4), dim=1).mean()


def fit(arguments: argparse.Namespace) -> None:
    """Fit the network, from its last checkpoint if there is one, and write the file."""
    torch.manual_seed(arguments.seed)
    rng = random.Random(arguments.seed)
    base = load_base_weights()
    questions = list_questions(arguments.data, arguments.shared, with_qamr=not arguments.without_qamr)
    rng.shuffle(questions)
    questions = questions[: int(len(questions) * arguments.share)]
    texts = [
        article["text"][:1_500]
        for language in ("en", "fr")
        for article in labelled_sets.iter_lines(arguments.shared / "articles" / f"{language}.jsonl.gz")
    ]
    model, piece_ids = cut_vocabulary(base, texts, VOCABULARY_SIZE)
    network = ReaderNetwork(base, piece_ids, arguments.frozen)
    pieces = SentencePieceProcessor(model_proto=model)
    examples = [example for question in questions if (example := make_example(pieces, question, rng))]
    answered = sum(example.spans[0] != (0, 0) for example in examples)
    print(f"{len(examples)} examples, {1 - answered / len(examples):.0%} not answered", flush=True)
    batches = iter_batches(examples, rng)
    steps = min(arguments.steps or len(batches), len(batches))
    fitted = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(fitted, lr=LEARNING_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, step / WARM_UP_STEPS) * max(0.02, 1 - step / steps)
    )
    checkpoint, first_step = arguments.folder / "checkpoint.pt", 0
    if checkpoint.exists():
        state = torch.load(checkpoint)
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
        first_step = state["step"]
    network.train()
    started, losses = time.monotonic(), []
    for step in range(first_step, steps):
        loss = compute_loss(network, batches[step])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(fitted, 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        if (step + 1) % CHECKPOINT_STEPS == 0 or step + 1 == steps:
            seconds = (time.monotonic() - started) / (step + 1 - first_step)
            recent = losses[-CHECKPOINT_STEPS:]
            print(f"step {step + 1} of {steps}, loss {sum(recent) / len(recent):.3f}, {seconds:.2f} s each", flush=True)
            torch.save(
                {
                    "network": network.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "schedule": schedule.state_dict(),
                    "step": step + 1,
                },
                checkpoint.with_suffix(".part"),
            )
            checkpoint.with_suffix(".part").replace(checkpoint)
    size = write_reader_file(arguments.output, network, base, piece_ids, model, steps=steps, examples=len(examples))
    print(json.dumps({"file": str(arguments.output), "bytes": size}))


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the public sets")
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder of the shared articles")
    parser.add_argument("--folder", type=Path, default=Path("reader-fit"), help="folder of the checkpoint")
    parser.add_argument("--output", type=Path, default=Path(str(READER_FILE)), help="file to write")
    parser.add_argument("--steps", type=int, default=0, help="number of batches; 0: all, once")
    parser.add_argument("--share", type=float, default=1.0, help="share of the questions, for the curve of data")
    parser.add_argument("--frozen", type=int, default=6, help="number of lower layers that are not fitted")
    parser.add_argument("--without-qamr", action="store_true", help="leave QAMR out")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    fit(arguments)


if __name__ == "__main__":
    main()
