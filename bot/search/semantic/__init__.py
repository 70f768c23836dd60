"""Search by meaning, with the extra `semantic`: vectors of articles and the nearest to a question."""
