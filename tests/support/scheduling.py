"""Which modules of tests run in one worker because what they read, load or start is dear.

pytest-xdist 3.8 has a mark for that, which silently does nothing with pytest 9.2
(https://github.com/pytest-dev/pytest-xdist/issues/1386).
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

GROUPS = {
    "source": (  # the syntax trees of all modules, and the sentences in them
        "tests/test_contributing.py",
        "tests/test_import_circles.py",
        "tests/test_log_form.py",
        "tests/test_translations.py",
        "tests/test_unmarked.py",
    ),
    "statements": ("tests/store/test_portable_sql.py",),  # the syntax trees of the store
    "pages": ("tests/feeds/test_article.py", "tests/feeds/test_pages.py"),  # what extracts articles is imported
    "encoder": ("tests/search/test_encoder.py",),  # the models are loaded
    "assistants": ("tests/assistants/test_mcp.py", "tests/cogs/test_saved_pages.py"),  # the client is imported
    "upgrades": ("tests/store/test_upgrades.py",),  # a database of Telex 0.1.0 is made
}
GROUPS_BY_MODULE = {module: group for group, modules in GROUPS.items() for module in modules}


class GroupScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives workers a test at a time, or a whole group; groups begin first, so none ends long after all others."""

    def _split_scope(self, nodeid: str) -> str:
        return GROUPS_BY_MODULE.get(nodeid.partition("::")[0], nodeid)
