"""How much Discord takes, in characters (UTF-16 units in an embed) or in number."""

# https://discord.com/developers/docs/resources/message#embed-object-embed-limits
DESCRIPTION = 4096
TITLE = 256

# https://discord.com/developers/docs/components/reference#button
LABEL = 80
CUSTOM_ID = 100

# https://discord.com/developers/docs/components/reference#string-select
OPTION = 100
OPTIONS = 25

# https://discord.com/developers/docs/interactions/application-commands#autocomplete
CHOICE = 100
CHOICES = 25
