"""A local server with the OpenAI chat API that replies with recorded replies of a language model.

    python -m benchmarks.recorded_model --recordings replies.jsonl --unknown unknown.jsonl [--port 8081]

A line of the recordings is an object with `task`, the `completion`, and `question` for a rewriting, or `prompt`
for any other task: its messages, with the random mark replaced by MARK. A request without a recording is
written to the file of unknown requests in the same form, and gets a reply that Telex can't use. A recording is found
only by an identical prompt, so the clock must stand still (`benchmarks.local_model` sets it to the day of a
question). Recordings quote articles, so they stay outside the repository.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

MODEL_NAME = "recorded"
UNKNOWN_REPLY = {"rewrite": "unknown", "verify": "unknown"}
_TASK = re.compile(r"Task: (\w+)\n")
_MARK = re.compile(r"with the mark (\w+) is")
_QUESTION = re.compile(r"^Question: (.*)$", re.MULTILINE)

Key = tuple[str, str]


def build_record(messages: Iterable[dict[str, str]]) -> dict[str, str]:
    """Build the record of a request, without its completion."""
    prompt = "\n\n".join(message["content"] for message in messages)
    task = _TASK.match(prompt)
    assert task is not None
    question = _QUESTION.search(prompt)
    mark = _MARK.search(prompt)
    record = {"task": task[1], "question": "" if question is None else question[1]}
    if task[1] != "rewrite":
        record["prompt"] = prompt if mark is None else prompt.replace(mark[1], "MARK")
    return record


def get_record_key(record: dict[str, str]) -> Key:
    """Return the key of a record: its task, and its prompt or question."""
    return record["task"], record.get("prompt") or record["question"]


class RecordedModel:
    """A server with recorded completions, and the requests that had none."""

    def __init__(self, recordings: Iterable[dict[str, str]]) -> None:
        self.completions = {
            get_record_key(record): record["completion"] for record in recordings if "completion" in record
        }
        self.unknown: dict[Key, dict[str, str]] = {}

    def complete(self, record: dict[str, str]) -> str | None:
        """Return the completion of a request, or None if it has no recording."""
        return self.completions.get(get_record_key(record))

    async def respond(self, request: web.Request) -> web.Response:
        """Reply to a chat request."""
        record = build_record((await request.json())["messages"])
        completion = self.complete(record)
        if completion is None:
            self.unknown[get_record_key(record)] = record
            completion = UNKNOWN_REPLY.get(record["task"], "NO ANSWER")
        return web.json_response({"choices": [{"message": {"role": "assistant", "content": completion}}]})

    @asynccontextmanager
    async def serve(self, port: int = 0) -> AsyncIterator[str]:
        """Serve on loopback within the block, and yield the base URL."""
        app = web.Application()
        app.router.add_get("/v1/models", _list_models)
        app.router.add_post("/v1/chat/completions", self.respond)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        finally:
            await runner.cleanup()


async def _list_models(_request: web.Request) -> web.Response:
    return web.json_response({"data": [{"id": MODEL_NAME}]})


def load_recordings(*files: Path) -> list[dict[str, str]]:
    """Load the records of the files that exist."""
    return [json.loads(line) for file in files if file.exists() for line in file.read_text("utf-8").splitlines()]


def save_unknown(model: RecordedModel, file: Path) -> None:
    """Write the requests without a recording to a file, one per line."""
    lines = [json.dumps(record, ensure_ascii=False) + "\n" for record in model.unknown.values()]
    file.write_text("".join(lines), "utf-8")


async def serve_recordings(recordings: list[Path], unknown: Path, port: int) -> None:
    model = RecordedModel(load_recordings(*recordings))
    async with model.serve(port) as url:
        print(f"TELEX_MODEL_URL={url} TELEX_MODEL_NAME={MODEL_NAME}")  # noqa: T201
        try:
            await asyncio.Event().wait()
        finally:
            save_unknown(model, unknown)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=Path, action="append", default=[])
    parser.add_argument("--unknown", type=Path, required=True)
    parser.add_argument("--port", type=int, default=8081)
    options = parser.parse_args()
    asyncio.run(serve_recordings(options.recordings, options.unknown, options.port))


if __name__ == "__main__":
    main()
