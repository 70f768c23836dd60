"""Discord's limits on texts, in characters (UTF-16 units in an embed), and on numbers of components."""

# https://discord.com/developers/docs/resources/message#embed-object-embed-limits
MAX_EMBED_DESCRIPTION_LENGTH = 4096
MAX_EMBED_TITLE_LENGTH = 256

# https://discord.com/developers/docs/components/reference#button
MAX_BUTTON_LABEL_LENGTH = 80
MAX_CUSTOM_ID_LENGTH = 100

# https://discord.com/developers/docs/components/reference#string-select
MAX_OPTION_LABEL_LENGTH = 100
MAX_OPTIONS = 25
"""Maximum number of options of a menu in a message."""

# https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-response-object-modal
MAX_MODAL_TITLE_LENGTH = 45

# https://discord.com/developers/docs/interactions/application-commands#autocomplete
MAX_CHOICE_NAME_LENGTH = 100
MAX_CHOICES = 25
"""Maximum number of choices that a command option offers while the user types."""
