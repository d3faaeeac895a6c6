"""Many questions over one set of documents: `asking` opens a batch, `driver` runs it.

A batch can be resumed, reads each chunk once for all questions, and has one budget.
"""
