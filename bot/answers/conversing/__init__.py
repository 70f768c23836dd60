"""Questions as people ask them: how many, in which conversation, what may be asked next."""
