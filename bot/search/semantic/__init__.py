"""Search by meaning, with the extra `semantic`.

In: texts of articles as they come, and what is asked. Out: the nearest articles with cosines (`nearest`),
how alike texts are (`likeness`), and rankings of several kinds put together (`fusion`). An encoder in a
worker process makes vectors, files beside the database keep them: derived, in no backup, made anew when they
are missing.
"""
