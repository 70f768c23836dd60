"""The story so far: a story's developments in order of time, and numbers in which its outlets differ."""
