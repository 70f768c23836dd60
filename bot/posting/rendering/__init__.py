"""How dispatches look in Discord: posts, digests, buttons and menus, within Discord's limits.

In: a dispatch and its articles. Out: a view of blocks (`layout`), or an embed where a look asks for
one.
"""
