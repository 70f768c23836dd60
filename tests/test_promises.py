"""The page of promises: tests, commands and figures."""

from __future__ import annotations

import re
import subprocess

import pytest

from benchmarks import promises
from benchmarks.promises import NOT_RUN, PROMISES_PAGE, ROOT, read_figures, record

HEADING = ["promise", "tests", "last full run", "repeat it with"]
EACH_CHANGE = "with every change"
_FIGURE = re.compile(r".+ \(\d{4}-\d\d-\d\d, [0-9a-f]{7,}( and changes)?\)")


def load_promises() -> list[list[str]]:
    """Load the table cells of every promise."""
    lines = [line for line in PROMISES_PAGE.read_text("utf-8").splitlines() if line.startswith("|")]
    table_rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert all(len(cells) == len(HEADING) for cells in table_rows)
    return [cells for cells in table_rows if cells != HEADING and not cells[0].startswith("---")]


def find_test_paths(cells: list[str]) -> list[str]:
    return re.findall(r"`(tests/[^`]+)`", cells[1])


def has_tests(path: str) -> bool:
    """Whether the file has tests, or the named test."""
    file, _colons, name = path.partition("::")
    text = (ROOT / file).read_text("utf-8")
    return re.search(rf"^(?:async )?def {name or 'test_'}", text, re.MULTILINE) is not None


def test_every_promise_has_existing_tests():
    assert load_promises()
    assert all(find_test_paths(cells) for cells in load_promises())
    test_paths = {path for cells in load_promises() for path in find_test_paths(cells)}
    assert [path for path in sorted(test_paths) if not has_tests(path)] == []


def test_every_command_exists_with_its_options():
    for cells in load_promises():
        words = cells[3].strip("`").split()
        if words[0] == "pytest":
            assert words[1] in find_test_paths(cells)
            continue
        assert words[:2] == ["python", "-m"]
        module = ROOT / f"{words[2].replace('.', '/')}.py"
        source = module.read_text("utf-8")
        for option in [word for word in words[3:] if word.startswith("--")]:
            assert f'add_argument("{option}"' in source, f"{words[2]} has no {option}"


def test_every_figure_is_recorded_by_its_command():
    for cells in load_promises():
        page_figures = read_figures(cells[2])
        if not page_figures:
            assert cells[2] == EACH_CHANGE
            assert cells[3].startswith("`pytest ")
            continue
        module = ROOT / f"{cells[3].strip('`').split()[2].replace('.', '/')}.py"
        for name, figure in page_figures.items():
            assert figure == NOT_RUN or _FIGURE.fullmatch(figure), figure
            assert re.search(rf'promises\.record\(\s*f?"{name.partition("-")[0]}', module.read_text("utf-8"))
        assert "--record" in cells[3]


def test_figure_is_recorded_at_its_marker_only(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("a <!-- kills -->old<!-- /kills --> b <!-- soak -->not run yet<!-- /soak -->\n")
    record("kills", "12 kills: lost 0", commit="1234567", page=page)
    text = page.read_text()
    assert re.fullmatch(
        r"a <!-- kills -->12 kills: lost 0 \(\d{4}-\d\d-\d\d, 1234567\)<!-- /kills --> "
        r"b <!-- soak -->not run yet<!-- /soak -->\n",
        text,
    )
    for figure in ("two\nlines", "a | cell", "<!-- kills -->"):
        with pytest.raises(ValueError, match=re.escape(figure)):
            record("kills", figure, commit="1234567", page=page)
    with pytest.raises(KeyError, match="unknown"):
        record("unknown", "1", commit="1234567", page=page)
    assert page.read_text() == text


def test_described_commit_mentions_changes_to_bot(tmp_path):
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init")
    for folder in ("bot", "cogs"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "file.py").write_text("1\n")
    git("add", ".")
    git("commit", "-m", "First")
    clean = promises.describe_commit(tmp_path)
    assert re.fullmatch(r"[0-9a-f]{7,}", clean)
    (tmp_path / "notes.txt").write_text("not the bot's\n")
    assert promises.describe_commit(tmp_path) == clean
    (tmp_path / "bot" / "file.py").write_text("2\n")
    assert promises.describe_commit(tmp_path) == f"{clean} and changes"
