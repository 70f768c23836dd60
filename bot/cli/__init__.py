"""The command line `telex`, one module per group of commands.

Input: arguments and standard input. Output: results on standard output, everything else on standard error.
"""
