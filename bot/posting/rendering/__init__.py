"""Rendering of dispatches as Discord messages: posts, digests, buttons and menus, within Discord's limits.

Input: a dispatch and its articles. Output: a layout (Components V2), or an embed where the look of a channel's
posts asks for an embed.
"""
