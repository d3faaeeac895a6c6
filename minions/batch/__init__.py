"""Many questions over one set of documents: resumable, each chunk read once for all of them, one budget."""
