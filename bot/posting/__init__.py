"""Sending of the outbox to Discord: each pending dispatch once, with its delivery status recorded.

A dispatch is a message to be sent: a post, a digest, a notification or an alert. The outbox is the table of
all dispatches. Input: dispatches of the outbox. Output: Discord messages, and a record of each message.
"""
