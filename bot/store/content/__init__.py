"""Articles: their texts in other forms, the pages that were read for them, what tells one story."""
