"""The Discord client: start and stop, command registration, health and metrics.

Input: settings and cogs. Output: a running bot, and the services that the command line shares with it.
"""
