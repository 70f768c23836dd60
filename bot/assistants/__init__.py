"""The stored news as tools for assistants, by the Model Context Protocol: read-only, bounded.

In: calls of an assistant, over standard streams or HTTP. Out: typed results in the shapes of `--json`.
"""
