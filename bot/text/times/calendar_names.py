"""Names and abbreviations of months and weekdays in English and French, in lower case without accents.

Babel has them too, but takes seven megabytes in each process that parses feeds.
"""

_MONTH_NAMES = (
    "january janvier jan janv",
    "february fevrier feb fev fevr",
    "march mars mar",
    "april avril apr avr",
    "may mai",
    "june juin jun",
    "july juillet jul juil",
    "august aout aug aou",
    "september septembre sept sep",
    "october octobre oct",
    "november novembre nov",
    "december decembre dec",
)
_WEEKDAY_NAMES = (
    "monday lundi mon lun",
    "tuesday mardi tue tues",
    "wednesday mercredi wed mer",
    "thursday jeudi thu thurs jeu",
    "friday vendredi fri ven",
    "saturday samedi sat sam",
    "sunday dimanche sun dim",
)
MONTH_NUMBERS = {name: number for number, names in enumerate(_MONTH_NAMES, 1) for name in names.split()}
"""Numbers of the months, from 1, by English or French name or abbreviation."""
WEEKDAY_NUMBERS = {name: number for number, names in enumerate(_WEEKDAY_NAMES) for name in names.split()}
"""Numbers of the weekdays, from 0 for Monday, by English or French name or abbreviation."""
