"""Which modules of tests run in one worker because what they read, load or start is dear, and when tests run.

pytest-xdist 3.8 has a mark for that, which silently does nothing with pytest 9.2
(https://github.com/pytest-dev/pytest-xdist/issues/1386).
"""

from __future__ import annotations

from collections.abc import Sequence

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
    "processes": ("tests/wire/test_processes.py",),  # leases run out by the clock: the longest test of all
}
GROUPS_BY_MODULE = {module: group for group, modules in GROUPS.items() for module in modules}


class GroupScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives workers a test at a time, or a whole group; groups begin first, so none ends long after all others."""

    def _split_scope(self, nodeid: str) -> str:
        return GROUPS_BY_MODULE.get(nodeid.partition("::")[0], nodeid)


def spread_waiting_tests(node_ids: Sequence[str]) -> list[str]:
    """Order tests so that those on the wire, which wait for other processes, run beside those that compute.

    The last tenth of a run has none of them: one that begins last would keep all processors waiting.
    """
    waiting_ids = [node_id for node_id in node_ids if node_id.startswith("tests/wire/")]
    computing_ids = [node_id for node_id in node_ids if not node_id.startswith("tests/wire/")]
    places = {node_id: 0.9 * place / len(waiting_ids) for place, node_id in enumerate(waiting_ids)}
    places |= {node_id: place / len(computing_ids) for place, node_id in enumerate(computing_ids)}
    return sorted(node_ids, key=places.__getitem__)
