"""WebSub: subscriptions at hubs, unsubscribing, and pushed documents."""
