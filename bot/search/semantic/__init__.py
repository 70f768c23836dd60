"""Search by meaning, with the extra `semantic`.

Input: texts of new articles, and queries. Output: the nearest articles with their cosines, the cosines
between a question and passages, and rankings fused into one. The encoders run in a worker process. The first
encoder encodes articles; its vectors are stored in files beside the database, which are derived data: not
backed up, and rebuilt if missing. The second encoder is better and slower, and encodes passages.
"""
