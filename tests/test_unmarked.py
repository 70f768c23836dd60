"""Texts without a mark for translation, and commands and numbers without their format."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.support.cases import check_cases
from tests.support.source_trees import parse_module
from tests.test_translations import list_command_options

ROOT = Path(__file__).resolve().parent.parent
SPOKEN_MODULES = (
    *sorted((ROOT / "cogs").rglob("*.py")),
    *sorted((ROOT / "bot" / "posting").rglob("*.py")),
    *(ROOT / "bot" / "client" / name for name in ("discord_client.py", "error_replies.py", "peer_servers.py")),
)
"""Modules in which any text of two words or more is prose for somebody."""
ROOMS = ("answers", "digests", "feeds", "polling", "search", "stories", "watches")
MODULES = sorted({*SPOKEN_MODULES, *(path for room in ROOMS for path in (ROOT / "bot" / room).rglob("*.py"))})

MARKING_CALLS = {
    "_",
    "N_",
    "gettext",
    "ngettext",
    "format_count",
    "pgettext",
    "locale_str",
    "localized_command",
}
SHOWN_ARGUMENTS = {"content", "title", "label", "placeholder", "description", "group_description"}
"""Arguments that a person sees, whatever takes them."""
SHOWN_ARGUMENTS_BY_CALL = {
    "add_field": {"name", "value"},
    "insert_field_at": {"name", "value"},
    "set_field_at": {"name", "value"},
    "set_footer": {"text"},
    "set_author": {"name"},
    "Choice": {"name"},
    "Label": {"text"},
    "create_thread": {"name"},
}
"""Arguments that a person sees, by the call that takes them."""
SHOWING_CALLS = {
    "send",
    "send_message",
    "edit_message",
    "reply",
    "UserFacingError",
    "FormModal",
    "DigestPage",
}
"""Calls that show their positional arguments to a person."""
SILENT_CALLS = {
    "debug",
    "info",
    "warning",
    "error",
    "exception",
    "compile",
    "fullmatch",
    "match",
    "ValueError",
}
"""Calls whose texts nobody on Discord sees: logs, patterns, internal errors."""

ALLOWED_TEXTS = {
    "Europe/Paris": "the name of a time zone is the same in every language",
    "openai OR anthropic": "a query that is the same in both languages",
    "too fast": "words in a refusal of Discord's",
    "source:numerama robots": "a query that is the same in both languages",
    "https://": "the beginning of an address",
    "### [{title}]({link})": "fields of a template",
    " in server ": "for the log",
    "a mention in server ": "for the log",
    "a direct message": "for the log",
    "it lacks ": "for the log",
    " to a new post": "for the log",
}
"""Texts allowed without a mark, each with the reason."""

WORD = re.compile(r"[^\W\d_]{2,}")
PROSE = re.compile(r"[^\W\d_]{2,}[,;:]? [^\W\d_]+")
MACHINE = re.compile(r"<[^>]*>|`[^`]*`|https?://\S+|\S+\.\w{2,5}\b|:\w+:")


def find_literals(node: ast.AST) -> Iterator[ast.Constant]:
    """Find the texts in an expression that are not marked, without those of other calls in it."""
    if isinstance(node, ast.Call):
        name = get_function_name(node)
        if name in MARKING_CALLS:
            return
        if name in {"format", "join", "filter", "strip"} and isinstance(node.func, ast.Attribute):
            yield from find_literals(node.func.value)
            for argument in node.args:
                yield from find_literals(argument)
        return
    if isinstance(node, ast.Subscript | ast.Compare | ast.FormattedValue | ast.Attribute):
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node
    if isinstance(node, ast.IfExp):
        yield from find_literals(node.body)
        yield from find_literals(node.orelse)
        return
    for child in ast.iter_child_nodes(node):
        yield from find_literals(child)


def get_function_name(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def find_unmarked_arguments(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Find unmarked texts passed to calls that show them to a person."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = get_function_name(node)
        shown_nodes = [
            keyword.value
            for keyword in node.keywords
            if keyword.arg in SHOWN_ARGUMENTS | SHOWN_ARGUMENTS_BY_CALL.get(name, set())
        ]
        if name in SHOWING_CALLS:
            shown_nodes += node.args
        for argument in shown_nodes:
            for text in find_literals(argument):
                if WORD.search(MACHINE.sub("", str(text.value))):
                    yield text.lineno, str(text.value)


def find_unmarked_prose(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Find texts of two words or more that are not marked and no docstring, log line, pattern or error."""
    ignored_ids = {
        id(text)
        for node in ast.walk(tree)
        if (isinstance(node, ast.Call) and get_function_name(node) in MARKING_CALLS | SILENT_CALLS)
        or isinstance(node, ast.Assert)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for text in ast.walk(node)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in ignored_ids:
            continue
        if PROSE.search(MACHINE.sub("", node.value)):
            yield node.lineno, node.value


def find_unmarked(module: ast.Module, *, spoken: bool) -> set[str]:
    """Find the unmarked texts of a module that a person may see."""
    unmarked_texts = set(find_unmarked_arguments(module)) | (set(find_unmarked_prose(module)) if spoken else set())
    return {f"{line}: {text}" for line, text in unmarked_texts if text not in ALLOWED_TEXTS}


def test_every_visible_text_is_marked():
    texts_by_module = {
        str(module.relative_to(ROOT)): find_unmarked(parse_module(module), spoken=module in SPOKEN_MODULES)
        for module in MODULES
    }
    assert {module: texts for module, texts in texts_by_module.items() if texts} == {}


@check_cases(
    "line",
    [
        'await channel.send("Hello")',
        'await edit_original_response(content="Done")',
        'await edit_original_response(content=f"Done: {number}")',
        'raise UserFacingError("No")',
        'raise UserFacingError("No, {name}".format(name=name))',
        'embed.add_field(name="Version", value=version)',
        'embed.set_footer(text="by " + name)',
        'Embed(title="News" if new else _("Old"))',
        'Press(act, label="Follow")',
        'lines.append("Nothing was found")',
        'return f"{count} articles found"',
        'content="\\n".join(("First", _("Second")))',
        'locale_str("Read"); command(description="Read")',
    ],
)
def test_unmarked_text_is_found(line):
    source = line.replace("await ", "").replace("return ", "x = ").replace('content="\\n', 'f(content="\\n')
    if source.startswith("f("):
        source += ")"
    assert find_unmarked(ast.parse(source), spoken=True)


@check_cases(
    "line",
    [
        'channel.send(_("Hello"))',
        'edit(content=_("{count} articles").format(count=3))',
        'edit(content=f"**{name}** · <t:{when}:R> · <#{channel}>")',
        'log.warning("Could not say hello in %s", name)',
        'Option(label=_("Read"), value="read")',
        'Press(act, label="▶")',
        'raise ValueError("not a feed")',
        '"""What it does."""',
    ],
)
def test_marked_or_internal_text_is_not_reported(line):
    assert not find_unmarked(ast.parse(line), spoken=True)


ROOTS = "|".join(sorted({path.split()[0].removeprefix("/") for path in list_command_options()}))
NAMES_A_COMMAND = re.compile(rf"(?<![\w/<])/(?:{ROOTS})\b")
UNFORMATTED_CALLS = {"set_footer"}
"""Calls whose text Discord shows without formatting, so without links."""


def find_unclickable_commands(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Find sentences of messages with a command name that is not clickable."""
    clickable_ids = {
        id(text)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and get_function_name(node) in {"linkify_commands", *UNFORMATTED_CALLS}
        for text in ast.walk(node)
    }
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and get_function_name(node) in {"_", "ngettext"}
            and id(node) not in clickable_ids
        ):
            for text in (argument.value for argument in node.args if isinstance(argument, ast.Constant)):
                if NAMES_A_COMMAND.search(str(text)):
                    yield node.lineno, str(text)


SHOWN_WITHOUT_LINKS = (
    "/settings channel, or lift the requirement",
    "finds them with /search",
    "use is:bookmarked in /search",
)
"""Sentences that are also used in a footer or a terminal."""


def test_commands_in_messages_are_clickable():
    unclickable = [
        (str(module.relative_to(ROOT)), line, text)
        for module in SPOKEN_MODULES
        for line, text in find_unclickable_commands(parse_module(module))
        if not any(words in text for words in SHOWN_WITHOUT_LINKS)
    ]
    assert unclickable == []


COUNT_PLACEHOLDERS = {
    "count",
    "total",
    "done",
    "posted",
    "articles",
    "before",
    "fewest",
    "most",
    "servers",
    "feeds",
    "length",
}
"""Placeholders for numbers."""


def find_bare_numbers(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Find numbers filled in without the language's format."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and get_function_name(node) == "format":
            for keyword in node.keywords:
                argument = keyword.value
                is_formatted = isinstance(argument, ast.Call) and get_function_name(argument) in {
                    "format_number",
                    "article_count_text",
                    keyword.arg,
                }
                if keyword.arg in COUNT_PLACEHOLDERS and not is_formatted:
                    yield node.lineno, str(keyword.arg)


def test_numbers_are_formatted_by_language():
    number_sites = [
        (str(module.relative_to(ROOT)), *number)
        for module in MODULES
        for number in find_bare_numbers(parse_module(module))
    ]
    assert number_sites == []


def test_unformatted_number_is_found():
    assert list(find_bare_numbers(ast.parse('_("{count} articles").format(count=number)')))


def test_allowed_texts_still_exist():
    source_texts = {
        node.value
        for module in MODULES
        for node in ast.walk(parse_module(module))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert set(ALLOWED_TEXTS) <= source_texts
