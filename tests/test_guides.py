"""Documents and guides: links, pictures, commands and translation."""

from __future__ import annotations

import re
from pathlib import Path

from bot.core import i18n
from tests.support.cases import check_cases
from tests.test_readme import list_discord_commands

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FRENCH = sorted((ROOT / "docs").glob("*.fr.md"))
LINK = re.compile(r"\]\(([^)\s]+)\)")


def find_anchors(document: Path) -> set[str]:
    """List the anchors that GitHub gives to the headings of a document."""
    headings = re.findall(r"^#+ (.+)$", document.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@check_cases("document", DOCUMENTS)
def test_local_links_and_pictures_exist(document):
    for target in LINK.findall(document.read_text("utf-8")):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        path, _sharp, anchor = target.partition("#")
        target_path = (document.parent / path).resolve() if path else document
        assert target_path.is_file(), f"{target} in {document.name}"
        assert not anchor or anchor in find_anchors(target_path), f"{target} in {document.name}"


@check_cases("name", ["ARCHITECTURE.md", "contributing.md", "PROMISES.md"])
def test_named_modules_exist(name):
    document = (ROOT / "docs" / name).read_text("utf-8")
    example_paths = set(re.findall(r"^`(\S+\.py)`$", document, re.MULTILINE))  # whose text stands below
    module_names = set(re.findall(r"`([\w/]+\.py)`", document)) - example_paths
    assert module_names
    modules = {
        f"/{path.relative_to(ROOT)}" for room in ("bot", "cogs", "tests") for path in (ROOT / room).rglob("*.py")
    }
    assert [
        module_name
        for module_name in sorted(module_names)
        if not any(module.endswith(f"/{module_name}") for module in modules)
    ] == []


@check_cases(("name", "language"), [("guide.md", "en"), ("guide.fr.md", "fr")])
def test_guide_names_every_command(name, language):
    guide = (ROOT / "docs" / name).read_text("utf-8")
    with i18n.language_scope(language):
        missing = [
            command_name
            for path in list_discord_commands()
            if f"`{(command_name := i18n.localized_command(path))}`" not in guide
        ]
    assert not missing


def test_guides_show_same_features():
    """Each picture exists in both languages, except those without text of the bot."""
    english, french = (
        set(re.findall(r"pictures/([\w-]+)\.png", (ROOT / "docs" / name).read_text("utf-8")))
        for name in ("guide.md", "guide.fr.md")
    )
    assert {name.removesuffix("-fr") for name in french} == english
    assert {name for name in french if not name.endswith("-fr")} <= {"completions"}


@check_cases("document", FRENCH)
def test_french_page_links_to_french_pages(document):
    own = document.name.replace(".fr.md", ".md")
    targets = {target.partition("#")[0] for target in LINK.findall(document.read_text("utf-8"))} - {own}
    translated = {page.name.replace(".fr.md", ".md") for page in FRENCH}
    assert targets & translated == set()
    assert own in LINK.findall(document.read_text("utf-8"))  # and to itself in English


@check_cases("document", FRENCH)
def test_french_page_has_spaces_before_high_punctuation(document):
    prose = re.sub(r"```.*?```|`[^`]*`|<[^>]*>|\]\([^)]*\)", "", document.read_text("utf-8"), flags=re.DOTALL)
    assert re.findall(r".{0,20}(?:\w [:;!?»]|« ).{0,20}", prose) == []


@check_cases("document", FRENCH)
def test_french_page_has_structure_of_english_page(document):
    def list_outline(page: Path) -> list[str]:
        lines = page.read_text("utf-8").splitlines()
        return [re.sub(r"[^#|-].*", "", line)[:2] for line in lines if line.startswith(("#", "| ", "- "))]

    assert list_outline(document) == list_outline(document.with_name(document.name.replace(".fr.md", ".md")))


def test_every_picture_is_used():
    documents_text = "".join(document.read_text("utf-8") for document in DOCUMENTS)
    stray = [path.name for path in (ROOT / "docs/pictures").iterdir() if f"pictures/{path.name})" not in documents_text]
    assert not stray
