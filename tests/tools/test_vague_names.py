"""Which names the check lists, and when it fails."""

from pathlib import Path

from tests.support.cases import check_cases
from tools.vague_names import ALLOWED, GENERIC, VAGUE, Binding, find_repeated_module_names, main, measure, read_bindings

MODULE = """
def told(one, *others, article, **rest): ...

class Feed:
    kept: int

    def __init__(self):
        self._known, found_articles = 1, 2
        other.shown = 3

for each in feeds:
    with feed as (held, [result]):
        data = [item for item in feed.items]
try:
    pass
except OSError as said:
    match said:
        case [typed, *whole]: ...
"""


def test_every_binding_of_vague_or_generic_name_is_listed(tmp_path):
    module = tmp_path / "module.py"
    module.write_text(MODULE)
    bindings = [binding for binding in read_bindings([tmp_path]) if binding.is_in(VAGUE | GENERIC)]
    assert {binding.name for binding in bindings} == {
        *("told", "one", "others", "rest", "kept", "_known", "each", "held"),
        *("result", "data", "said", "typed", "whole"),
    }
    assert f"{module}:2 told" in map(str, bindings)
    assert f"{module}:8 _known" in map(str, bindings)


def make_bindings(path: str, vague: int, good: int) -> list[Binding]:
    names = ["found"] * vague + ["article"] * good
    return [Binding(Path(path), line, name) for line, name in enumerate(names)]


@check_cases(
    ("bindings", "exceeded"),
    [
        (make_bindings("bot/store/feeds.py", 13, 987), []),
        (make_bindings("bot/store/feeds.py", 14, 986), ["program"]),
        (
            [*make_bindings("bot/store/feeds.py", 0, 900), *make_bindings("cogs/feeds/x.py", 3, 97)],
            ["cogs/feeds"],
        ),
        ([*make_bindings("bot/store/feeds.py", 0, 900), *make_bindings("benchmarks/x.py", 3, 97)], ["benchmarks"]),
        (make_bindings("tests/store/test_feeds.py", 30, 970), []),
        (make_bindings("tests/store/test_feeds.py", 31, 969), ["tests"]),
        ([Binding(Path("bot/store/feeds.py"), 1, "result")], ["program"]),
    ],
)
def test_share_over_limit_is_exceeded(bindings, exceeded):
    assert [share.place for share in measure(bindings) if share.percent > share.limit] == exceeded


def test_check_fails_and_lists_names_of_room_over_limit(tmp_path, monkeypatch, capsys):
    for root in ("benchmarks", "bot/store", "cogs", "tests", "tools"):
        (tmp_path / root).mkdir(parents=True)
    (tmp_path / "bot/store/feeds.py").write_text("found = 1\narticle = 2\n")
    (tmp_path / "tests/test_feeds.py").write_text("article = 2\n")
    monkeypatch.chdir(tmp_path)
    assert main([]) == 1
    assert "bot/store/feeds.py:1 found\n" in capsys.readouterr().out
    (tmp_path / "bot/store/feeds.py").write_text("feed = 1\n")
    assert main([]) == 0


def test_allowed_words_are_few_and_have_reasons():
    assert len(ALLOWED) <= 20
    assert all(ALLOWED.values())
    assert ALLOWED.keys() <= VAGUE | GENERIC


def test_modules_of_same_name_are_listed(tmp_path):
    for path in ("asking/limits.py", "feeds/limits.py", "asking/__init__.py", "feeds/__init__.py"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).touch()
    assert find_repeated_module_names([tmp_path]) == ["limits.py"]
