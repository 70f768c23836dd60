"""An article without what its page carries around it."""

from __future__ import annotations

import re

_NOISE = re.compile(
    r"""^\W*(?:
      [\w\-.()]+\.(?:png|jpe?g|gif|webp|svg|avif)                              # the name of a picture
    | (?:mis\ à\ jour|mise\ à\ jour|publié|modifié|updated|published|posted|last\ updated)\s*(?:le|on|:)?\s*:?\s*.{0,40}\d.{0,30}
    | (?:à|a)\ (?:lire|voir|écouter|découvrir)(?:\ (?:aussi|également|ensuite))?\ ?(?::|»|>|→).{0,200}
    | (?:lire|voir)\ (?:aussi|également)\ ?:.{0,200}
    | (?:read|see)\ (?:also|more|next)\ ?:.{0,200}
    | related\ ?:.{0,200}
    | (?:crédits?|credits?|photo|image|illustration|source)(?:\ (?:photos?|images?))?\ ?[:©].{0,100}
    | ©.{0,100}
    | .{0,200}\S\s*/\s*(?:crédits?|credits?)\ ?:.{0,80}
    | (?:partager|share|tweet|tweeter|imprimer|print|commentaires?|comments?|publicité|advertisement|sponsored)
    | read\ \d+\ remaining\ paragraphs.{0,40}
    | comments?
    )\W*$""",
    re.IGNORECASE | re.VERBOSE,
)
_FOOTER_YEARS = re.compile(r"^.{0,80}\b(?:19|20)\d\d\s*[-–]\s*(?:19|20)\d\d\W*$")
_LONGEST = 320


def body(text: str) -> str:
    """The article in `text` without menus, credits, "read also" lines, names of pictures and footers.

    Lines are dropped whole, never words; a text that would lose everything stays as it is.
    """
    lines = text.split("\n")
    kept = [line for line in lines if not _noise(line)]
    while kept and (not kept[-1].strip() or _FOOTER_YEARS.match(kept[-1].strip())):
        kept.pop()
    if len(kept) == len(lines):
        return text
    cleaned = re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()
    return cleaned or text


def _noise(line: str) -> bool:
    line = line.strip()
    return bool(line) and len(line) <= _LONGEST and bool(_NOISE.match(line))
