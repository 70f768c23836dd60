"""Search by meaning, with the extra `semantic`.

Input: texts of new articles, and queries. Output: the nearest articles with their cosines, the cosines
between a question and passages, and rankings fused into one. The encoders run in a worker process. One
encodes articles; its vectors are stored in files beside the database, which are derived data: not backed up,
and rebuilt if missing. The other is better and slower, and encodes passages.
"""
