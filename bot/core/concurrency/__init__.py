"""Work side by side: fair queues, locks and tasks per key, rate limiters, and worker processes."""
