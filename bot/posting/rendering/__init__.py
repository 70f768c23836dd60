"""Rendering of queued messages as Discord messages: posts, digests, buttons and menus, within Discord's limits.

Input: a dispatch (queued message) and its articles. Output: a layout (Components V2), or an embed where a channel's
posts are set to have one.
"""
