"""Articles to Discord messages: how a post looks, and the outbox that sends it once."""
