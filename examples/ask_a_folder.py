"""Ask one question of a folder, and print the answer, its citations and the bill.

python examples/ask_a_folder.py "How many terns bred in 2023?" examples/documents

The environment says which models are used: MINIONS_PLANNER, MINIONS_WORKER, OPENAI_API_KEY,
OLLAMA_HOST. If none of them is set, everything runs on this machine.
"""

import sys

from minions import Minions


def main(question: str, *paths: str) -> None:
    """Ask the question; print the answer, where it is written, and what it cost."""
    with Minions() as minions:
        answer = minions.ask(question, paths)
    print(answer.answer or "No answer was found.")
    for citation in answer.citations:
        page = f" p. {citation.page}" if citation.page else ""
        print(f"- {citation.path}{page} [{citation.start}:{citation.end}] {citation.quote!r}")
    planner, worker = answer.usage.planner, answer.usage.worker
    tokens = f"{planner.input_tokens} + {planner.output_tokens} tokens"
    print(f"planner: {planner.calls} calls, {tokens}, {planner.cost_usd} USD")
    print(f"worker: {worker.calls} calls, {worker.input_tokens} + {worker.output_tokens} tokens")


if __name__ == "__main__":
    main(*sys.argv[1:])
