"""One question, from its plan to its answer: `run.run` is the entry, `loop.answer` the protocol."""
