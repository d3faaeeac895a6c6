"""From a plan to finished jobs: which chunks are read, in what order, and how many at once."""
