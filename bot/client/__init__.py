"""The Discord client: start and stop, command registration, health and metrics.

In: settings and the cogs. Out: a running bot, and the services that the command line shares with it.
"""
