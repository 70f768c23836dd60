"""Refusal of commands, buttons and questions while the operator has the maintenance mode on."""

from discord import app_commands

from bot.core.i18n import _
from bot.core.user_errors import UserFacingError
from bot.store.records.operating_records import MaintenancePeriod


class UnderMaintenance(app_commands.CheckFailure, UserFacingError):
    """Error raised when a user asks for something during maintenance.

    It is also a `CheckFailure`, so that checks of commands may raise it.
    """


def describe_maintenance(period: MaintenancePeriod, now: int) -> str:
    """Return the sentence for people who use Telex during maintenance, in the current language."""
    if period.expected_end is not None and period.expected_end > now:
        return _("I’m down for maintenance until about {time}. Nothing is lost: posts will follow.").format(
            time=f"<t:{period.expected_end}:t>"
        )
    return _("I’m down for maintenance. Nothing is lost: posts will follow. Try again later.")
