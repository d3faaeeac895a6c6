"""Ask many questions about the same documents. Stop it at any time; start it again to continue.

python examples/batch_questions.py "How many moves?" "How many terns bred?" examples/documents

The last argument is the folder or file. Results are appended to answers.jsonl; a question that
has one there is not asked again.
"""

import asyncio
import sys

from minions import Event, Minions

OUTPUT = "answers.jsonl"


def show_progress(event: Event) -> None:
    """Print to stderr how many questions are done and what they cost."""
    if event.kind == "batch":
        print(f"{event.done} of {event.total}, {event.spent_usd} USD", file=sys.stderr)


async def main(*questions: str, documents: str) -> None:
    """Ask all questions, and print each answer as soon as it is there."""
    with Minions() as minions:
        async for answer in minions.map(questions, documents, output=OUTPUT, observe=show_progress):
            print(f"{answer.question} {answer.answer or answer.stop_reason}")
            for citation in answer.citations:
                print(f"- {citation.path} [{citation.start}:{citation.end}] {citation.quote!r}")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:-1], documents=sys.argv[-1]))
