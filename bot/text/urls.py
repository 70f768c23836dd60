"""Canonical URLs, keys of pages, and redaction of secrets in URLs.

A URL is changed as little as possible, because readers click it: parameters keep their order and fragments
stay, unless they are known to track.
"""

import re
from hashlib import blake2b
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit

import idna

from bot.text.words import split_at_white_space

_DEFAULT_PORTS = {"http": 80, "https": 443}
_MAX_HOST_CHARS = 253
"""Maximum number of characters of a host name (RFC 1035, section 2.3.4)."""
_HOST_PATTERN = re.compile(r"[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?|\[[0-9a-f:.]+\]")
_BLANK_CHARS_PATTERN = re.compile("[\x00-\x20\x7f-\xa0\xad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
_ESCAPE_PATTERN = re.compile(r"%[0-9a-fA-F]{2}")
_SAFE_CHARS = "%/:?#[]@!$&'()*+,;=-._~"
"""Characters that are not percent-encoded (RFC 3986, section 2), without those of HTML markup."""

_TRACKING_PARAMETER_PATTERN = re.compile(
    r"""(?:amp;)?(?:
      utm_\w+ | mtm_\w+ | pk_(?:campaign|kwd|source|medium|content|cid) | piwik_\w+ | matomo_\w+ | hsa_\w+
    | at_(?:medium|campaign|campaign_type|custom\d?|source|content|term|channel|bbc_team|link_\w+|ptr_name
        |format|creation|variant|general|emailtype|send_date|network)
    | fbclid | gclid | gclsrc | dclid | gbraid | wbraid | msclkid | yclid | twclid | ttclid | li_fat_id
    | igshid | igsh | mc_cid | mc_eid | mkt_tok | _hsenc | _hsmi | __hs\w+ | hsctatracking | hss_channel
    | vero_id | oly_enc_id | oly_anon_id | xtor | xts | wt_mc | wt_zmc | wtmc | echobox | cmpid | ocid
    | s_cid | sc_cid | ftag
    | ns_(?:campaign|mchannel|source|linkname|fee) | feedtype | feedname | guccounter | guce_referrer
    | guce_referrer_sig | __twitter_impression | ref_src | _ga | _gl | spm | trk_\w+ | wpisrc | wpmm
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_REFERRER_PARAMETERS = split_at_white_space(
    "amp;from amp;ref amp;source cmp emc feature from medium origin partner ref referrer source src via"
)
_FEED_REFERRER_PATTERN = re.compile(r"rss\d?(?:[_-]?feed)?|atom(?:[_-]?feed)?|rss[_-]\w{2,20}", re.IGNORECASE)

_SECRET_PARAMETER_PATTERN = re.compile(
    r"(?<!page)(?<!next)(?<!sync)(?<!continuation)token|password|passwd|passphrase|pwd|secret|apikey|accesskey"
    r"|authkey|secretkey|privatekey|signature|credentials?|jwt"
)
_POSSIBLE_SECRET_PARAMETERS = split_at_white_space(
    "auth authhash authorization feed feedkey hash jsessionid key pass phpsessid pw rsskey session sessionid "
    "sid sig userkey"
)
_ALWAYS_REDACTED_PARAMETERS = _POSSIBLE_SECRET_PARAMETERS - {"feed", "hash", "sid"}
"""Names of parameters whose value `redact` always hides, as it may be a password that a user chose."""
_MIN_SECRET_CHARS = 8
"""Minimum number of characters of a generated secret."""
_HEXADECIMAL_TOKEN_PATTERN = re.compile(r"(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{32,}", re.IGNORECASE)
_RANDOM_TOKEN_PATTERN = re.compile(
    r"(?=(?:[^0-9]*\d){3})(?=(?:[^a-z]*[a-z]){3})(?=(?:[^A-Z]*[A-Z]){3})(?!UC|UU|PL)[A-Za-z0-9_]{24,}"
)
"""Pattern of a random token, except YouTube's ids of channels and playlists."""
_JWT_TOKEN_PATTERN = re.compile(r"eyJ[\w.=-]{12,}")  # a JSON object in base64url: RFC 7519
_PRIVATE_PATH_TOKEN_PATTERN = re.compile(r"(?<=/private/)[^/.]{8,}|(?<=/private-)[^/.]{8,}|(?<=/secret:)[^/]+")
_SECRET_HINT_PATTERN = re.compile(r"[@?#]|/private|/secret:|eyJ|[A-Za-z0-9_]{24}")
"""Pattern, quick to search, that matches every URL with a secret to hide (redact), and few others."""
REDACTED = "***"
"""Text that replaces a secret."""


def canonicalize(url: str) -> str:
    """Return the canonical form of an http(s) URL, or "" for any other text.

    The host is lower-case and in ASCII (IDNA 2008 with the mapping of UTS 46), the default port is removed,
    characters that RFC 3986 does not allow are percent-encoded, and known tracking parameters and fragments
    are removed. The scheme, other fragments and the order of parameters stay. Raises nothing; a canonical URL
    is returned unchanged.
    """
    parts = _split_url(url)
    if parts is None:
        return ""
    query = "&".join(part for part in parts.query.split("&") if part and not _is_tracking_parameter(part))
    fragment = "&".join(part for part in parts.fragment.split("&") if not _is_tracking_parameter(part))
    if fragment.lower() == "rss":
        fragment = ""
    return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", query, fragment))


def compute_page_key(url: str, identity: str | None = None) -> str:
    """Return the key of the page at `url`: 32 hexadecimal digits.

    `identity` tells entries with the same link apart. http and https, and a path with and without trailing slash,
    are one page: no publisher keeps different articles there, and feeds do differ in it. `www.` counts, as
    some hosts serve another page without it.
    """
    parts = _split_url(canonicalize(url))
    if parts is None:
        key_text = url.strip()
    else:
        key_text = urlunsplit(("", parts.netloc, parts.path.rstrip("/"), parts.query, parts.fragment))
    if identity is not None:
        key_text += "\0" + identity
    return blake2b(key_text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def list_url_variants(url: str) -> tuple[str, ...]:
    """Return the canonical URLs of the page at a canonical URL, with http and https, and with and without final slash.

    Return () for an invalid URL.
    """
    parts = _split_url(url)
    if parts is None:
        return ()
    path = parts.path.rstrip("/")
    return tuple(
        urlunsplit((scheme, parts.netloc, path + slash or "/", parts.query, parts.fragment))
        for scheme in _DEFAULT_PORTS
        for slash in ("", "/")
        if path or slash
    )


def parse_host(url: str) -> str:
    """Return the host of an http(s) URL in canonical form, without port; "" for any other text."""
    parts = _split_url(url)
    return (parts.hostname or "") if parts else ""


def redact(url: str) -> str:
    """Return the URL with secrets replaced by `REDACTED`, to be shown or logged.

    Secrets are user and password, parameters with a telling name such as `token`, and long random segments of the
    path, query or fragment. White space is removed. A text with an invalid host or port is replaced as a whole.
    """
    try:
        parts = urlsplit(_BLANK_CHARS_PATTERN.sub("", url))
        parts.port  # noqa: B018 - raises where a password with a slash was taken for a port
    except ValueError:
        return REDACTED
    netloc = parts.netloc
    if "@" in netloc:
        netloc = f"{REDACTED}@{netloc.rpartition('@')[2]}"
    path = "/".join(map(_redact_segment, _PRIVATE_PATH_TOKEN_PATTERN.sub(REDACTED, parts.path).split("/")))
    query, fragment = ("&".join(map(_redact_parameter, text.split("&"))) for text in (parts.query, parts.fragment))
    return urlunsplit((parts.scheme, netloc, path, query, fragment))


def has_secret(url: str) -> bool:
    """Return whether the URL contains a secret: a password, a token or the like, which `redact` hides."""
    return bool(_SECRET_HINT_PATTERN.search(url)) and REDACTED in redact(url)


def has_credentials(url: str) -> bool:
    """Return whether the URL seems to grant access to whoever knows it.

    Such a URL has a user or password, a parameter such as `token` (or `key`, if its value looks generated), a JSON Web
    Token in the path, or `/private/` and the like before a token in the path.
    """
    try:
        parts = urlsplit(_BLANK_CHARS_PATTERN.sub("", url))
        parts.port  # noqa: B018 - raises where a password with a slash was taken for a port
    except ValueError:
        return "@" in url
    return (
        "@" in parts.netloc
        or any(map(_is_secret_parameter, parts.query.split("&")))
        or any(map(_JWT_TOKEN_PATTERN.match, parts.path.split("/")))
        or bool(_PRIVATE_PATH_TOKEN_PATTERN.search(parts.path))
    )


def add_credentials(url: str, user: str, password: str) -> str:
    """Return the URL with user and password (RFC 3986, section 3.2.1), which replace existing credentials."""
    parts = urlsplit(url)
    host_and_port = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{host_and_port}").geturl()


def normalize_typed_url(text: str) -> str:
    """Return the URL that a user typed or pasted, with `https://` if it has no scheme.

    Raises ValueError with an English sentence for the user, without secrets, if the text is no URL.
    """
    text = text.strip('<>"“”«» \t\r\n\xa0\u202f')
    if text[:5].lower() == "feed:":
        text = text[5:].removeprefix("//")
    has_scheme = "://" in text
    parts = _split_url(text if has_scheme else "https://" + text)
    host_name = (parts.hostname or "") if parts else ""
    looks_like_host = "." in host_name and parts is not None and "@" not in parts.netloc
    if parts is None or not (has_scheme or looks_like_host):
        raise ValueError("This is not a web address. It should look like https://example.com/feed.")
    return urlunsplit(parts._replace(path=parts.path or "/"))


def _split_url(url: str) -> SplitResult | None:
    """Return the parts of an http(s) URL in canonical form, or None for any other text."""
    try:
        parts = urlsplit(_BLANK_CHARS_PATTERN.sub(_replace_blank, url.strip()))
        port = parts.port
        host_name = (parts.hostname or "").removesuffix(".")
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS or not host_name or len(host_name) > _MAX_HOST_CHARS:
        return None
    if not host_name.isascii():
        try:
            host_name = idna.encode(host_name, uts46=True).decode()
        except idna.IDNAError:
            return None
    if ":" in host_name:
        host_name = f"[{host_name}]"
    if not _HOST_PATTERN.fullmatch(host_name):
        return None
    credentials, at_sign, _ = parts.netloc.rpartition("@")
    netloc = (
        _percent_encode(credentials)
        + at_sign
        + host_name
        + ("" if port is None or port == _DEFAULT_PORTS[scheme] else f":{port}")
    )
    path, query, fragment = map(_percent_encode, parts[2:])
    return SplitResult(scheme, netloc, path, query, fragment)


def _replace_blank(match: re.Match[str]) -> str:
    return "%20" if match[0] in " \xa0" else ""


def _percent_encode(text: str) -> str:
    return _ESCAPE_PATTERN.sub(lambda match: match[0].upper(), quote(text, safe=_SAFE_CHARS))


def _is_tracking_parameter(parameter: str) -> bool:
    name, _, parameter_value = parameter.partition("=")
    if _TRACKING_PARAMETER_PATTERN.fullmatch(name):
        return True
    return name.lower() in _REFERRER_PARAMETERS and bool(_FEED_REFERRER_PATTERN.fullmatch(parameter_value))


def _redact_segment(segment: str) -> str:
    base_name, dot, suffix = segment.rpartition(".")
    name = base_name if dot and len(suffix) <= len("json") else segment
    return segment.replace(name, REDACTED) if _looks_random(name) else segment


def _redact_parameter(parameter: str) -> str:
    name, separator, parameter_value = parameter.partition("=")
    is_secret = (
        _is_secret_parameter(parameter)
        or _normalize_name(name) in _ALWAYS_REDACTED_PARAMETERS
        or (_looks_random(parameter_value) and not name.lower().endswith("id"))
    )
    return f"{name}={REDACTED}" if separator and parameter_value and is_secret else parameter


def _normalize_name(name: str) -> str:
    return re.sub(r"[\W_]|^amp;", "", unquote(name).lower())


def _looks_random(text: str) -> bool:
    return any(
        pattern.fullmatch(text) for pattern in (_HEXADECIMAL_TOKEN_PATTERN, _RANDOM_TOKEN_PATTERN, _JWT_TOKEN_PATTERN)
    )


def _is_secret_parameter(parameter: str) -> bool:
    name, _, parameter_value = parameter.partition("=")
    name, parameter_value = _normalize_name(name), unquote(parameter_value)
    if not parameter_value:
        return False
    if (match := _SECRET_PARAMETER_PATTERN.search(name)) and match.end() == len(name):
        return True
    return name in _POSSIBLE_SECRET_PARAMETERS and _looks_generated(parameter_value)


def _looks_generated(parameter_value: str) -> bool:
    """Return whether the value of a parameter looks generated rather than chosen by a user."""
    if len(parameter_value) < _MIN_SECRET_CHARS or not re.fullmatch(r"[\w.~+/=-]+", parameter_value):
        return False
    digit_count = sum(map(str.isdecimal, parameter_value))
    has_some_digits = 1 < digit_count < len(parameter_value)
    return _looks_random(parameter_value) or (has_some_digits and not re.search(r"[-_.]", parameter_value))
