"""Removal of lines that belong to a page, not to its article.

Except at the end of a text, each line is judged by itself: an article only loses lines that are boilerplate anywhere.
Extractors that weigh the blocks of a page (trafilatura, readability) need its markup, which is gone here.
"""

import re
from itertools import takewhile

MAX_BOILERPLATE_LINE_CHARS = 320
"""Maximum number of characters of a line that may be boilerplate."""

_DATE_WORD_REGEX = (
    r"(?>\d+(?:er|st|nd|rd|th)?(?:h\d*)?|[ap]\.?m\.?|le|on|at|à|the|gmt|utc|ces?t|e[sd]?t|p[sd]?t"
    r"|(?:lun|mar|mer|jeu|ven|sam|dim|mon|tue|wed|thu|fri|sat|sun)[a-z]*|jan[a-z]*|f[ée][bv][a-zé]*"
    r"|a[pv]r[a-z]*|ma[iy]|jui?[nl][a-z]*|ao[uû]t|aug[a-z]*|sept?[a-z]*|oct[a-z]*|nov[a-z]*|d[ée]c[a-zé]*"
    r"|[ .,:/()–-])"
)
_CREDIT_REGEX = r"(?:(?:photo|image|illustration|video) )?(?:cr[ée]dits?|copyright)(?: (?:photos?|images?|vidéos?))?"
_SOCIAL_NETWORK_REGEX = (
    r"(?:facebook|twitter|x|linkedin|instagram|mastodon|bluesky|youtube|whatsapp|telegram|google ?\w*)"
)
_BULLET_REGEX = r"(?:[→>»•►*-] ?)?"
# Possessive quantifiers keep long lines from backtracking exponentially.
_SOURCE_NAME_REGEX = r"[\w.,&'’-]++(?: [\w.,&'’/-]++){0,6}"
_HANDLES_REGEX = rf"(?:[ ,/&]|\(?@\w+\)?|(?:and|or|at|et|ou|sur|on|our)\b|{_SOCIAL_NETWORK_REGEX}\b)*+"
_BOILERPLATE_REGEXES = (
    # names of pictures
    r"[\w().-]{1,120}\.(?:png|jpe?g|gif|webp|svg|avif|bmp)",
    # times of publication, update and reading
    (
        r"(?:mise? à jour|publiée?|modifiée?|posté|updated|published|posted|last (?:updated|modified))[ :]*"
        rf"{_DATE_WORD_REGEX}*+"
    ),
    (
        rf"(?:par |by )?{_SOURCE_NAME_REGEX},? (?:publiée?|mise? à "
        rf"jour|modifiée?|published|updated|posted) (?=.*\d)"
        rf"{_DATE_WORD_REGEX}{{3,}}+"
    ),
    r"(?:temps de )?lecture ?:? ?\d+ ?min\w*\.?|reading time ?:? ?\d+ ?min\w*|\d+ min(?:ute)?s? read",
    # other articles
    (
        rf"{_BULLET_REGEX}(?:[àa] (?:lire|relire|voir|écouter|découvrir)|lire|voir)"
        r"(?:(?: (?:aussi|également|ensuite))? ?[:→»>|]| (?:aussi|également)\.).*"
    ),
    rf"{_BULLET_REGEX}(?:[àa] )?(?:lire|voir) (?:aussi|également) ?[:.…]*",
    rf"{_BULLET_REGEX}(?:sur le même (?:sujet|thème)|dans la même rubrique) ?[:.…]*",
    (
        rf"{_BULLET_REGEX}(?:related(?: (?:roundup|stor(?:y|ies)|articles?|posts?|content|links?|topics?))?"
        r"|read (?:also|more|next)|see (?:also|more)|further reading|don['’]t miss|most read(?: in .{1,40})?)"
        r" ?(?:[:→|].*|:?)"
    ),
    # links to the rest of the text
    (
        r"[\[(]?(?:read (?:the )?(?:more|full (?:article|story|post)|rest|original article|comments)"
        r"|lire (?:la suite|l['’]article(?: complet)?|plus)|continue reading|continuer la lecture)"
        r"(?: (?:of|at|on|sur|de) .{1,80})?[ .…»→>\])]*"
    ),
    r"read \d+ remaining paragraphs?.{0,20}",
    (
        r"(?:the post|l['’]article|cet article|le billet) .{1,250} (?:appeared first|first appeared"
        r"|est (?:d['’]abord )?(?:apparu|paru)(?: en premier)?) (?:on|sur) .{1,80}"
    ),
    (
        rf"{_BULLET_REGEX}(?:(?:click|tap) here|cliquez ici|get .{{1,60}} by clicking here)"
        r" ?(?:(?:to|for|pour|if|si)\b.*)?[ .!…»→>]*"
    ),
    # authors
    (
        r"\(?(?:additional )?reporting(?: and writing| and editing)? by .{1,250}"
        r"(?:writing|edit(?:ed|ing)|additional reporting) by .{1,120}"
    ),
    r"\(?(?:edit(?:ed|ing)|compiled) by [^.!?]{1,80}[.)]{0,2}",
    r"(?:[^.!?]{1,160}) contributed to this (?:report|story|article)\.?",
    r"[(\[]?(?:avec|source ?:) (?:l['’])?(?:afp|reuters|ap|agences?)(?:(?:,| et| and) [\w ]{1,20})?\W{0,2}",
    r"[\w.+-]{1,60}@[\w-]+(?:\.[\w-]+)+|(?:twitter\.com/|@)\w{1,40}",
    # credits of pictures, also after a caption
    rf"[\[(]?{_CREDIT_REGEX} ?[:©] ?[^.!?]{{1,100}}[.\])]?",
    r"[\[(]?(?:photo|illustration|getty images) ?[:©] ?[^.!?]{1,100}[\])]?",
    rf".{{0,250}}[\[(/|—–] ?{_CREDIT_REGEX} ?: ?[^.!?]{{1,80}}[\])]?",
    r"[^.!?]{0,120}© ?[^.!?]{1,80}",
    # rights
    r"(?:copyright|©|\(c\)) .{0,120}|.{0,120}(?:all rights reserved|tous droits réservés)\W*",
    # buttons and offers of a page
    (
        r"(?:partage[rz](?:-le)?|share|tweete[rz](?:-le)?|suivez-nous|follow us|retrouvez-nous|rejoignez-nous"
        r"|find us|n['’]hésitez pas à nous suivre)"
        r"(?: (?:this|ce billet|cet article|on|sur|via|aussi|et|and|ou|or|[,/&|]"
        rf"|{_SOCIAL_NETWORK_REGEX}|(?:par )?e?-?mail))*+[ :.!]*"
    ),
    (
        r"(?:\[?#? ?(?:links?|permalien|permalink|comments?: \d+|comments?|commentaires?|\d+ comment\w*"
        r"|points: \d+|tweet|print|imprimer|e-?mail|reply via email|(?:ajouter|laisser) un commentaire"
        r"|(?:post|leave) a comment)\]?[ |·,/-]*+)++"
    ),
    rf"(?:please |you can )?follow .{{1,80}} on {_SOCIAL_NETWORK_REGEX}\b{_HANDLES_REGEX}[.!]?",
    rf"(?:suivez|retrouvez) .{{1,80}} sur {_SOCIAL_NETWORK_REGEX}\b{_HANDLES_REGEX} ?[.!]?",
    (
        r"(?:get|receive|want|sign up|subscribe|recevez|inscrivez-vous)\b.{1,160}"
        r"\b(?:newsletters?|inbox|lettre d['’]information|boîte (?:mail|de réception))\b.{0,80}"
    ),
    (
        r"(?:if you buy|when you (?:buy|purchase)|we (?:may )?(?:earn|receive|get)|nous percevons)"
        r".{0,160}\b(?:commission|share of the sale|affiliat\w+)\b.{0,80}"
    ),
    r"(?:have|got) a (?:news )?(?:tip|story)(?: for us)?\?.{0,200}",
    r"thanks for signing up!?|merci pour votre inscription ?!?|sorry!|(?:to )?read the full story",
    r"publicité|advertisement|sponsored|contenu sponsorisé|newsletters?|menu|navigation",
    (
        r"(?:s['’]abonner|abonnez-vous|subscribe|inscrivez-vous)"
        r"(?: (?:à|to|for|pour|now|maintenant) ?[^.!?]{0,60})?[.!]?"
    ),
    r"(?:accueil|home) ?[>»/›|].{1,200}|(?:aller au contenu|skip to (?:main )?content)(?: principal)?",
    r"(?:se connecter|connexion|log ?in|sign in)(?: ?[|/] ?[\w '’]{1,30})?",
    r"no related posts\.?",
)
_BOILERPLATE_PATTERNS = tuple(
    re.compile(pattern.replace(" ", r"\s"), re.IGNORECASE) for pattern in _BOILERPLATE_REGEXES
)
_RELATED_LINKS_HEADING_PATTERN = re.compile(
    r"(?:possibly )?(?:related|similar|recommended) (?:posts?|articles?|stories|reading) ?:?"
    r"|articles? (?:similaires?|en rapport|liés?|connexes|recommandés?) ?:?"
    r"|articles? qui (?:peuvent|pourraient) vous intéresser ?:?"
    r"|(?:.{0,40} )?you (?:might|may) also (?:like|enjoy|be interested in)(?: these)? ?:?"
    r"|vous aimerez (?:peut-être )?aussi ?:?|ces articles (?:peuvent|pourraient) vous intéresser ?:?"
    r"|(?:à lire|sur le même sujet|dans la même rubrique|read next|more stories) ?:?".replace(" ", r"\s"),
    re.IGNORECASE,
)
_COPYRIGHT_YEARS_PATTERN = re.compile(r"[^.!?:]{2,60}\b(?:19|20)\d\d ?[-–] ?(?:19|20)\d\d")
"""Pattern of a line with a site's name and years, often the last line of its pages."""
_MAX_RELATED_TITLES = 15
"""Maximum number of titles of other articles at the end of a text below a heading ("Related posts")."""
_MAX_TITLE_CHARS = 160
"""Maximum number of characters of a line that may be the title of another article."""
_READ_MORE_PATTERN = re.compile(
    r"(?<=[.!?…\]»])\s*[\[(]?(?:read more|lire la suite|continue reading|lire l['’]article)[\s.…»→>\])]*$",
    re.IGNORECASE,
)
_REDDIT_SUBMITTER_PATTERN = re.compile(r"\s++/?u/[\w-]{1,40}\s*+(?:\[link\]\s*+)?(?:\[comments\]\s*+)?")
"""Pattern of the text after "submitted by" at the end of every entry of Reddit's feeds."""
_EMPTY_LINES_PATTERN = re.compile(r"\n\s*\n\s*\n+")


def strip_boilerplate(text: str) -> str:
    """Return a text without menus, credits, "read also" lines, picture names, buttons and footers.

    Whole lines of at most `MAX_BOILERPLATE_LINE_CHARS` characters are dropped; at the end, a site's name with years,
    a list of other articles, a repeated line, "read more" and the name of a submitter to Reddit. The lines of a text
    are kept if no word would be left.
    """
    text_before, _separator, submitter = text.rpartition("submitted by")
    if _REDDIT_SUBMITTER_PATTERN.fullmatch(submitter):
        text = text_before.rstrip()
    lines = text.split("\n")
    article_lines = _strip_trailer([line for line in lines if not _is_boilerplate(line)])
    if article_lines:
        article_lines[-1] = _READ_MORE_PATTERN.sub("", article_lines[-1])
    if article_lines == lines:
        return text
    cleaned_text = _EMPTY_LINES_PATTERN.sub("\n\n", "\n".join(article_lines)).strip()
    return cleaned_text if re.search(r"\w\w", cleaned_text) else text


def _is_boilerplate(line: str) -> bool:
    line = line.strip()
    return 0 < len(line) <= MAX_BOILERPLATE_LINE_CHARS and any(
        pattern.fullmatch(line) for pattern in _BOILERPLATE_PATTERNS
    )


def _strip_trailer(lines: list[str]) -> list[str]:
    """Return the lines without a site's name, a list of other articles, or a repeated line at the end."""
    filled_line_indexes = [index for index, line in enumerate(lines) if line.strip()]
    while len(filled_line_indexes) > 1 and _COPYRIGHT_YEARS_PATTERN.fullmatch(lines[filled_line_indexes[-1]].strip()):
        lines = lines[: filled_line_indexes.pop()]
    title_line_indexes = list(
        takewhile(lambda index: _may_be_title(lines[index]), reversed(filled_line_indexes[-_MAX_RELATED_TITLES - 1 :]))
    )
    heading_line_indexes = [
        index
        for index in filled_line_indexes[-len(title_line_indexes) - 1 :]
        if _RELATED_LINKS_HEADING_PATTERN.fullmatch(lines[index].strip())
    ]
    if heading_line_indexes:
        return lines[: heading_line_indexes[0]]
    if title_line_indexes:
        last_line = lines[title_line_indexes[0]].strip()
        repeated_line_indexes = list(
            takewhile(lambda index: lines[index].strip() == last_line, reversed(filled_line_indexes))
        )
        if len(repeated_line_indexes) > 1 and last_line.count(" ") > 1:
            return lines[: repeated_line_indexes[-1]]
    return lines


def _may_be_title(line: str) -> bool:
    line = line.strip()
    return len(line) <= _MAX_TITLE_CHARS and not line.endswith((".", ":", ","))
