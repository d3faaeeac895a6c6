"""Ask many questions of the same documents; stop it whenever you like, and start it again to go on.

python examples/batch_questions.py "How many moves did the north quay reach?" "How many terns bred?" examples/documents

The last argument is the folder or file. Results are in answers.jsonl: what stands there is not asked again.
"""

import asyncio
import sys

from minions import Minions
from minions.values.events import BatchEvent, Event

OUTPUT = "answers.jsonl"


def tell(event: Event) -> None:
    """How far it is, on stderr."""
    if isinstance(event, BatchEvent):
        print(f"{event.done} of {event.total}, {event.spent_usd} USD", file=sys.stderr)


async def main(*questions: str, documents: str) -> None:
    """Ask all, and print each answer as it comes."""
    with Minions() as minions:
        async for answer in minions.map(questions, documents, output=OUTPUT, observe=tell):
            print(f"{answer.question} {answer.answer or answer.stop_reason}")
            for citation in answer.citations:
                print(f"- {citation.path} [{citation.start}:{citation.end}] {citation.quote!r}")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:-1], documents=sys.argv[-1]))
