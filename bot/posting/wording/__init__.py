"""Sentences that explain to users the codes of errors, problems and statuses that other packages report."""
