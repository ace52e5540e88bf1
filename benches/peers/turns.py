"""Programs that do one repetition for each line they are sent, run in turns, and Markdown of what came out."""

import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
BENCHMARKS = HERE.parents[1] / "docs/BENCHMARKS.md"
# glibc then keeps freed memory instead of asking the system for fresh pages with every large tensor.
KEEP_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 40), "MALLOC_TOP_PAD_": str(1 << 26)}


class Side:
    """A process that stands still (stopped by a signal, so that no idle thread spins) until its turn comes."""

    def __init__(self, command, threads, environment=()):
        threads = str(threads)
        names = ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS", "CANDLE_NUM_THREADS"]
        environment = {**os.environ, **dict.fromkeys(names, threads), **dict(environment)}
        self.process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.answers = []

    def repeat(self, count=1):
        """Does some repetitions; returns their answers."""
        self.process.send_signal(signal.SIGCONT)
        answers = []
        for _ in range(count):
            self.process.stdin.write("\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError(f"{self.process.args} ended with {self.process.wait()}")
            answers.append(json.loads(line))
        self.process.send_signal(signal.SIGSTOP)
        self.answers += answers
        return answers

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGCONT)
        self.process.stdin.close()
        self.process.wait()

    def gigabytes(self):
        """The most memory held, without that of the program before it built anything."""
        last = self.answers[-1]
        return (last["peak_bytes"] - last["empty_bytes"]) / 1e9


def in_turns(sides, rounds, clock="wall_s", least_seconds=0.5):
    """Rounds of A B C ..., after a warm-up of each: for each side, the seconds of one repetition in each round."""
    counts = []
    for side in sides:
        side.repeat()
        [second] = side.repeat()
        counts.append(min(50, max(1, round(least_seconds / second["wall_s"]))))
    seconds = [[] for _ in sides]
    for _ in range(rounds):
        for side, count, found in zip(sides, counts, seconds):
            found.append(sum(answer[clock] for answer in side.repeat(count)) / count)
    return seconds


def ratio_cells(theirs, ours):
    """How many times faster, from seconds of each round: the median, and the lowest to the highest."""
    ratios = sorted(their / our for their, our in zip(theirs, ours))
    return [f"{statistics.median(ratios):.1f}", f"{ratios[0]:.1f} to {ratios[-1]:.1f}"]


def table(head, rows):
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in [head, *rows]]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])


def rate(molecules, seconds):
    value = molecules / statistics.median(seconds)
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def write_section(name, text):
    """Replaces what stands in the document between the markers of a section; adds the section when it has none."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    document = BENCHMARKS.read_text()
    section = f"{begin}\n{text.strip()}\n{end}"
    if begin in document:
        before, rest = document.split(begin, 1)
        document = before + section + rest.split(end, 1)[1]
    else:
        document = f"{document.rstrip()}\n\n{section}\n"
    BENCHMARKS.write_text(document)
    print(f"wrote section {name!r} of {BENCHMARKS}", file=sys.stderr)


def processor():
    """The processor's name and what of its instructions matters here."""
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text()
    except OSError:
        return "unknown processor"
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    fields = {key.strip(): value.strip() for key, value in fields.items()}
    known = fields.get("flags", "").split()
    flags = [flag for flag in ["avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16"] if flag in known]
    return f"{fields.get('model name', 'unknown processor')} ({', '.join(flags)}), {os.cpu_count()} cores"
