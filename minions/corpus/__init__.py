"""From files to searchable chunks: readers, chunking, the index."""
