"""Fitting of the reader of answers; writes `data/answer_reader.npz`. `python -m benchmarks.reader_fit --help`."""
