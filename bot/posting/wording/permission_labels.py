"""Names of permissions, as in Discord's settings."""

from bot.core.i18n import _


def permission_label(permission_name: str) -> str:
    """Return the name that Discord's settings give a permission, in the current language.

    A permission whose name is not known here is returned as discord.py names it.
    """
    label_by_permission = {
        "manage_guild": _("Manage Server"),
        "manage_roles": _("Manage Roles"),
        "manage_webhooks": _("Manage Webhooks"),
        "manage_messages": _("Manage Messages"),
        "view_channel": _("View Channel"),
        "send_messages": _("Send Messages"),
        "send_messages_in_threads": _("Send Messages in Threads"),
        "create_posts": _("Create Posts"),
        "embed_links": _("Embed Links"),
        "read_message_history": _("Read Message History"),
        "add_reactions": _("Add Reactions"),
        "create_public_threads": _("Create Public Threads"),
        "attach_files": _("Attach Files"),
    }
    return label_by_permission.get(permission_name, permission_name)
