"""The stored news as read-only tools for assistants (Model Context Protocol).

Input: tool calls over standard streams or HTTP. Output: typed results in the shapes of the command line's JSON.
"""
