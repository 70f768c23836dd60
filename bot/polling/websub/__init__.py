"""Client of WebSub, by which publishers push feeds: subscriptions at hubs and pushed documents."""
