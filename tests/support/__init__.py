"""Clocks, servers, worlds and samples that tests, benchmarks and picture tools share."""
