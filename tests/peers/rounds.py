"""Rounds in which our side and its peers are measured in turn, and the table of the outcome."""

import pathlib
import statistics
import subprocess
import time

ROUNDS = 7
WORKSPACE = pathlib.Path(__file__).resolve().parents[2]


def build(bench):
    """Builds our side, so that no round waits for the compiler."""
    subprocess.run(
        ["cargo", "bench", "--quiet", "-p", "tests", "--bench", bench, "--no-run"], cwd=WORKSPACE, check=True
    )


class Ours:
    """Our side: a process that measures once for each line it is sent, and answers with seconds."""

    def __init__(self, bench, arguments):
        command = ["cargo", "bench", "--quiet", "-p", "tests", "--bench", bench, "--", *map(str, arguments)]
        self.process = subprocess.Popen(
            command, cwd=WORKSPACE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def seconds(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"our side ended early, with status {self.process.wait()}")
        return float(answer)

    def close(self):
        """Lets it write its answer and end."""
        self.process.stdin.close()
        if self.process.wait() != 0:
            raise SystemExit(f"our side failed with status {self.process.returncode}")


def seconds(task):
    start = time.perf_counter()
    task()
    return time.perf_counter() - start


def medians(ours, peers):
    """Median seconds of our side and of each peer (name -> callable), measured in turn."""
    taken = {name: [] for name in ["ours", *peers]}
    for _ in range(ROUNDS):
        taken["ours"].append(ours.seconds())
        for name, task in peers.items():
            taken[name].append(seconds(task))
    return {name: statistics.median(values) for name, values in taken.items()}


def table(header, rows):
    """Prints a markdown table."""
    for cells in [header, ["---"] * len(header), *rows]:
        print("| " + " | ".join(map(str, cells)) + " |", flush=True)
