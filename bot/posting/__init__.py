"""Outbox to Discord: send each pending dispatch once, and record its delivery status.

Input: dispatches of the outbox. Output: Discord messages, and a record of each.
"""
