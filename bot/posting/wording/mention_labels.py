"""Labels of mention rules, by which posts that match a query mention a role, and of the mentions that followed."""

from bot.core.i18n import _, format_count
from bot.core.models import MentionOutcome, PostMention
from bot.core.preferences import MentionRule
from bot.text import discord_text

_MAX_QUERY_LENGTH = 100
"""Maximum length in UTF-16 units of the query of a mention rule by default."""


def mention_rule_label(rule: MentionRule, *, size: int | None = None, max_query_length: int = _MAX_QUERY_LENGTH) -> str:
    """Return a mention rule (posts that match a query mention a role) in words, in the current language.

    `size` is the number of members with the role, or None if it is unknown.
    """
    role = f"<@&{rule.role_id}>" if size is None else f"<@&{rule.role_id}> ({role_size_text(size)})"
    limit_text = format_count("up to {count} mention a day", "up to {count} mentions a day", rule.daily_limit)
    return _("{role} for `{query}`, {limit}").format(
        role=role, query=_format_query(rule.query, max_query_length), limit=limit_text
    )


def role_size_text(size: int) -> str:
    """Return the number of members with a role as text, in the current language."""
    return format_count("{count} member", "{count} members", size)


def mention_sentence(mention: PostMention) -> str:
    """Return a sentence on whether a post that a mention rule matched did mention the role, in the current language."""
    template_by_outcome = {
        MentionOutcome.MENTIONED: _("mentions {role}: it matches `{query}`"),
        MentionOutcome.OVER_LIMIT: _("doesn’t mention {role} for `{query}`: the limit of the day was reached"),
        MentionOutcome.NOT_ALLOWED: _(
            "doesn’t mention {role} for `{query}`: the role was gone, or I wasn’t allowed to mention it"
        ),
    }
    return template_by_outcome[mention.outcome].format(
        role=f"<@&{mention.role_id}>", query=_format_query(mention.query, _MAX_QUERY_LENGTH)
    )


def _format_query(query: str, max_length: int) -> str:
    return discord_text.to_plain_line(query, max_length).replace("`", "'")
