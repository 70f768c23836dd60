"""The terminal: `telex`, one module a group of commands.

In: arguments and standard input. Out: results on standard output, everything else on standard error.
"""
