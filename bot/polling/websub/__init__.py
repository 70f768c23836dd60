"""What hubs push (WebSub): subscriptions, their ends, and the documents that come."""
