"""How dispatches look in Discord: posts, digests, buttons and menus, within Discord's limits.

In: a dispatch and its articles. Out: an embed and a view.
"""
