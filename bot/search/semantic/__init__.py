"""Search by meaning, with the extra `semantic`.

In: texts of articles as they come, and what is asked. Out: the nearest articles with cosines (`nearest`),
how nearly passages mean what answers a question (`likeness`), and rankings of several kinds put together
(`fusion`). Encoders in a worker process: one makes vectors of articles, which files beside the database keep
(derived, in no backup, made anew when they are missing), a better and slower one reads passages.
"""
