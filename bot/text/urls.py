"""Addresses: one form for one page, and no secret shown."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import SplitResult, urlsplit, urlunsplit

import idna

_TRACKING = re.compile(
    r"^(?:utm_[a-z_]+|at_(?:medium|campaign|custom\d?|source|content|term|channel|bbc_team|link_\w+|ptr_name|format"
    r"|creation|variant|general|emailtype|send_date|link|network|campaign_type)|fbclid|gclid|gclsrc|dclid|gbraid|wbraid|msclkid|yclid"
    r"|twclid|ttclid|igshid|igsh|li_fat_id|mc_cid|mc_eid|mkt_tok|_hsenc|_hsmi|hss_channel|xtor|ns_campaign|ns_mchannel"
    r"|ns_source|ns_linkname|ns_fee|echobox|cmpid|ocid|vero_id|oly_enc_id|oly_anon_id|wt_mc|wtmc|__twitter_impression"
    r"|feedtype|feedname|partner_id_rss|rss_source|s_cid|trk_\w+|_ga|_gl|pk_campaign|pk_kwd|pk_source|pk_medium|mtm_\w+"
    r"|piwik_\w+|matomo_\w+|hsctatracking|ftag|spm|guccounter|guce_referrer|guce_referrer_sig|source=rss)$",
    re.IGNORECASE,
)
_TRACKING_PAIRS = frozenset(
    {"ref=rss", "source=rss", "from=rss", "src=rss", "rss=1", "feed=rss", "partner=rss"}
)
_TRACKING_FRAGMENT = re.compile(
    r"^(?:xtor=.*|rss|atom|feed|ref=rss.*|echobox=.*|utm_\w+=.*|at_medium=.*|intcid=.*|ftag=.*)$",
    re.IGNORECASE,
)
_SECRET_NAME = re.compile(
    r"^(?:.*[_-])?(?:token|api_?key|apikey|auth|authorization|secret|password|passwd|pwd|pass|sig|signature|hash|key"
    r"|session|sessionid|credential|credentials|jwt)$",
    re.IGNORECASE,
)
_HASHLIKE = frozenset({"hash", "key", "sig", "auth", "session", "pass"})
_LONG_RANDOM = re.compile(r"^(?=[^/]*\d)(?=[^/]*[a-zA-Z])[A-Za-z0-9_\-]{24,}$")
_CONTROL = re.compile(r"[\x00-\x20\x7f-\xa0\u200b\u2028\u2029\ufeff]")
_PORTS = {"http": 80, "https": 443}


def canonical(url: str) -> str:
    """One form of an http(s) address; "" for anything else. Never raises; twice is the same as once.

    Host lower-case and in ASCII (IDNA 2008, UTS 46), default port off, known tracking parameters and tracking
    fragments off; the order of parameters and other fragments stay.
    """
    parts = _split(url)
    if parts is None:
        return ""
    query = "&".join(part for part in parts.query.split("&") if part and not _is_tracking(part))
    fragment = "" if _TRACKING_FRAGMENT.match(parts.fragment) else parts.fragment
    return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", query, fragment))


def page(url: str, identity: str | None = None) -> str:
    """A short name (32 hexadecimal digits) of the page at `url`: the same for http and https.

    `identity` tells entries apart that share one link.
    """
    form = canonical(url) or url.strip()
    scheme, separator, rest = form.partition("://")
    name = rest if separator and scheme in _PORTS else form
    if identity is not None:
        name += "\0" + identity
    return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def host(url: str) -> str:
    """The host of an address, lower-case, "" when there is none."""
    parts = _split(url)
    return (parts.hostname or "") if parts else ""


def masked(url: str) -> str:
    """The address fit to be shown: user, password, secret parameters and path tokens replaced by `***`."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "***"
    netloc = parts.netloc
    if "@" in netloc:
        netloc = "***@" + netloc.rpartition("@")[2]
    path = "/".join("***" if _LONG_RANDOM.match(part) else part for part in parts.path.split("/"))
    query = "&".join(_masked_parameter(part) for part in parts.query.split("&"))
    return urlunsplit((parts.scheme, netloc, path, query, parts.fragment))


def has_credentials(url: str) -> bool:
    """Whether the address lets in whoever knows it: a user or password, or a parameter that looks like a secret."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return "@" in parts.netloc or any(_is_secret(part) for part in parts.query.split("&"))


def normalise_input(text: str) -> str:
    """The address that a person typed, with `https://` when they left it out.

    Raises ValueError with a sentence for them when it is none.
    """
    text = text.strip().removeprefix("<").removesuffix(">").strip()
    if text.lower().startswith("feed:"):
        text = text[5:].removeprefix("//")
    if "://" not in text:
        text = "https://" + text
    parts = _split(text)
    if parts is None or ("." not in (parts.hostname or "") and ":" not in (parts.hostname or "")):
        raise ValueError(f"{masked(text)} is not a web address.")
    return urlunsplit(parts._replace(path=parts.path or "/"))


def _masked_parameter(part: str) -> str:
    return part.partition("=")[0] + "=***" if _is_secret(part) else part


def _is_secret(part: str) -> bool:
    name, _, value = part.partition("=")
    if not value or not _SECRET_NAME.match(name):
        return False
    return name.lower() not in _HASHLIKE or len(value) >= 8  # noqa: PLR2004 - shorter is no secret


def _is_tracking(part: str) -> bool:
    return part.lower() in _TRACKING_PAIRS or bool(_TRACKING.match(part.partition("=")[0]))


def _split(url: str) -> SplitResult | None:
    """The parts of an http(s) address with its host and port in their one form; None for anything else."""
    try:
        parts = urlsplit(_CONTROL.sub("", url.strip()))
        port = parts.port
        name = parts.hostname or ""
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    if scheme not in _PORTS or not name:
        return None
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode()
        except idna.IDNAError:
            return None
    if ":" in name:
        name = f"[{name}]"
    user, at, _ = parts.netloc.rpartition("@")
    netloc = user + at + name + ("" if port is None or port == _PORTS[scheme] else f":{port}")
    return SplitResult(scheme, netloc, parts.path, parts.query, parts.fragment)
