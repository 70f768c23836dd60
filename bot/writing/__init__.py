"""What an optional language model writes, as far as it holds: answers, summaries, translations.

In: passages of articles, or a title and an excerpt, and a language.
Out: sentences that were checked against them; nothing where the service fails or what it wrote does not hold.
"""
