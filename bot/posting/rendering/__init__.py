"""Render dispatches as Discord messages: posts, digests, buttons and menus, within Discord's limits.

Input: a dispatch and its articles. Output: a `Message` with a layout (Components V2), or with an embed where
the channel's look asks for one.
"""
