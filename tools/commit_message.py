"""Check the subject of a commit: `area: what it does now`, at most 72 characters.

python -m tools.commit_message FILE      # a hook of the kind commit-msg, see .pre-commit-config.yaml
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

MAX_SUBJECT_LENGTH = 72
AREAS = frozenset(
    """
    answers assistants ci cli client cogs core demo digests docs drill feeds operating polling posting processes search
    store stories tests text watches writing
    """.split()
)
_SUBJECT = re.compile(rf"(?:{'|'.join(sorted(AREAS))}): \S.*[^.\s]")
_BY_GIT = re.compile(r"(?:Merge|fixup!|squash!|amend!) ")


def find_problem(message: str) -> str | None:
    """Return what is wrong with the subject, or None. Subjects that git itself writes are right."""
    subject = message.partition("\n")[0]
    if _BY_GIT.match(subject):
        return None
    if len(subject) > MAX_SUBJECT_LENGTH:
        return f"The subject has {len(subject)} characters; at most {MAX_SUBJECT_LENGTH} are allowed."
    if not _SUBJECT.fullmatch(subject):
        areas = ", ".join(sorted(AREAS))
        return f"Write the subject as `area: what it does now`, without a full stop. Areas: {areas}."
    return None


if __name__ == "__main__":
    sys.exit(find_problem(Path(sys.argv[1]).read_text("utf-8")))
