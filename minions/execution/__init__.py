"""From a plan to finished jobs: which chunks, in what order, how many at once."""
