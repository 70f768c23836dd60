"""From a question to quotes that answer it, or to the news that there are none.

In: a question, the feeds that the asker may read, the conversation before it.
Out: an `Answer`: data, no markup.
"""
