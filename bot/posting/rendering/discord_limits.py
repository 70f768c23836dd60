"""Discord's limits on texts, in characters (UTF-16 units in an embed), and on numbers of components."""

# https://discord.com/developers/docs/resources/message#embed-object-embed-limits
EMBED_DESCRIPTION_LENGTH = 4096
EMBED_TITLE_LENGTH = 256

# https://discord.com/developers/docs/components/reference#button
BUTTON_LABEL_LENGTH = 80
CUSTOM_ID = 100

# https://discord.com/developers/docs/components/reference#string-select
OPTION_LABEL_LENGTH = 100
MAX_OPTIONS = 25

# https://discord.com/developers/docs/interactions/application-commands#autocomplete
CHOICE_NAME_LENGTH = 100
MAX_CHOICES = 25
