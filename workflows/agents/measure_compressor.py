"""An agent that measures every compressor on the same bytes and votes for the best by its own criterion.

It is a program for a voter of kind `command`: the proposal comes as JSON on standard input, the ballot goes as JSON to
standard output. Its choices are named like `zlib-6`: a compressor of the standard library and its level. Its one
argument is its point of view: ratio, compression_speed, decompression_speed, memory or balance.

What is measured is the file that the environment variable COMPRESSION_FILE names (an absolute path), at most its first
half MiB; without it, the text files of the checkout this program stands in.
"""

import bz2
import json
import lzma
import math
import os
import sys
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

MOST_BYTES = 2**19
CHUNK = 2**16
MEASURED_SECONDS = 0.2
"""How long each speed is measured at least; the fastest pass counts, and the candidates take turns."""
ALIKE = 0.1
"""Figures that differ by less than this share are alike: of alike candidates the one that compresses best is taken."""
SOURCES = ("maos_flows", "policies", "workflows", "docs", "tests")
SUFFIXES = {".py", ".md", ".yaml"}


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one compressor did: bigger is better in every figure."""

    ratio: float
    compression_speed: float
    decompression_speed: float
    memory: float

    def __str__(self) -> str:
        return (
            f"ratio {self.ratio:.2f}, compresses {self.compression_speed / 1e6:.1f} MB/s, "
            f"decompresses {self.decompression_speed / 1e6:.0f} MB/s, needs {1 / self.memory / 1e6:.1f} MB"
        )


WEIGHTS = {"ratio": 0.6, "compression_speed": 0.05, "decompression_speed": 0.25, "memory": 0.1}
"""What each figure is worth to `balance`, the weighted geometric mean, for data written once and read often."""
VIEWS: Mapping[str, Callable[[Measurement], float]] = {
    "ratio": lambda figures: figures.ratio,
    "compression_speed": lambda figures: figures.compression_speed,
    "decompression_speed": lambda figures: figures.decompression_speed,
    "memory": lambda figures: figures.memory,
    "balance": lambda figures: math.prod(getattr(figures, name) ** weight for name, weight in WEIGHTS.items()),
}


class Compressor:
    """A compressor of the standard library at one level, fed chunk by chunk."""

    def __init__(self, choice: str) -> None:
        name, _, level = choice.rpartition("-")
        if name not in {"zlib", "bz2", "lzma"} or not level.isdecimal():
            raise ValueError(f"{choice} is no compressor of the standard library with a level, like zlib-6")
        self.name, self.level = name, int(level)
        self.machine()  # refuses a level it does not know

    def machine(self) -> "zlib._Compress | bz2.BZ2Compressor | lzma.LZMACompressor":
        """Give one that has compressed nothing yet."""
        match self.name:
            case "zlib":
                return zlib.compressobj(self.level)
            case "bz2":
                return bz2.BZ2Compressor(self.level)
            case _:
                return lzma.LZMACompressor(preset=self.level)

    def compress(self, data: bytes) -> Iterator[bytes]:
        """Compress chunk by chunk."""
        machine = self.machine()
        for start in range(0, len(data), CHUNK):
            yield machine.compress(data[start : start + CHUNK])
        yield machine.flush()

    def decompress(self, data: bytes) -> bytes:
        """Decompress."""
        match self.name:
            case "zlib":
                return zlib.decompress(data)
            case "bz2":
                return bz2.decompress(data)
            case _:
                return lzma.decompress(data)


def measure(compressors: Mapping[str, Compressor], data: bytes) -> dict[str, Measurement]:
    """Measure the compressors: processor time, so that other programs count little, and memory at its peak."""
    compressed = fastest({choice: partial(compress, compressor, data) for choice, compressor in compressors.items()})
    decompressed = fastest(
        {choice: partial(compressor.decompress, compressed[choice][1]) for choice, compressor in compressors.items()}
    )
    measured: dict[str, Measurement] = {}
    for choice, compressor in compressors.items():
        compression_seconds, packed = compressed[choice]
        decompression_seconds, unpacked = decompressed[choice]
        if unpacked != data:
            raise RuntimeError(f"what {choice} decompresses is not what it compressed")
        measured[choice] = Measurement(
            ratio=len(data) / len(packed),
            compression_speed=len(data) / compression_seconds,
            decompression_speed=len(data) / decompression_seconds,
            memory=1 / peak_memory(compressor, data),
        )
    return measured


def compress(compressor: Compressor, data: bytes) -> bytes:
    """Compress all of it."""
    return b"".join(compressor.compress(data))


def peak_memory(compressor: Compressor, data: bytes) -> int:
    """Give the most bytes held while compressing; the three allocate through Python, which sees all they take."""
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for _chunk in compressor.compress(data):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak - before


def fastest(calls: Mapping[str, Callable[[], bytes]]) -> dict[str, tuple[float, bytes]]:
    """Give for each call the processor seconds of the fastest of several passes, and what the call gives.

    The calls take turns: a processor that is slow for a while is slow for all of them, not for whoever's turn it was.
    """
    results = dict.fromkeys(calls, (math.inf, b""))
    spent = dict.fromkeys(calls, 0.0)
    while waiting := [name for name in calls if spent[name] < MEASURED_SECONDS]:
        for name in waiting:
            start = time.process_time()
            result = calls[name]()
            taken = max(time.process_time() - start, 1e-6)
            results[name] = (min(results[name][0], taken), result)
            spent[name] += taken
    return results


def sample() -> tuple[str, bytes]:
    """Give what is measured, and what it is called."""
    named = os.environ.get("COMPRESSION_FILE")
    if named:
        with Path(named).open("rb") as file:
            return Path(named).name, file.read(MOST_BYTES)
    root = Path(__file__).resolve().parents[2]
    files = sorted(file for folder in SOURCES for file in (root / folder).rglob("*") if file.suffix in SUFFIXES)
    return f"the checkout's {len(files)} text files", b"".join(file.read_bytes() for file in files)[:MOST_BYTES]


def vote(view: str, choices: list[str], name: str, data: bytes) -> dict[str, object]:
    """Measure all choices and give a ballot for the best in this view.

    Its confidence is one half and half of its lead over the best that is not alike: 1 would be infinitely better.
    """
    worth = VIEWS[view]
    compressors: dict[str, Compressor] = {}
    refused: list[str] = []
    for choice in choices:
        try:
            compressors[choice] = Compressor(choice)
        except (ValueError, lzma.LZMAError) as error:
            refused.append(f"{choice} was not measured: {error}")
    measured = measure(compressors, data)
    evidence = [f"measured on {name}, {len(data)} bytes"]
    evidence += [f"{choice}: {figures}" for choice, figures in measured.items()] + refused
    if not measured:
        return {"choice": "abstain", "reasoning": "None of the choices could be measured.", "evidence": evidence}
    worths = {choice: worth(figures) for choice, figures in measured.items()}
    best = max(worths.values())
    alike = [choice for choice, value in worths.items() if value >= best * (1 - ALIKE)]
    chosen = max(alike, key=lambda choice: measured[choice].ratio)
    others = [value for choice, value in worths.items() if choice not in alike]
    lead = 1 - max(others) / best if others else 0
    return {
        "choice": chosen,
        "confidence": round(0.5 + lead / 2, 2),
        "reasoning": reasoning(view, chosen, alike, measured),
        "evidence": evidence,
        "attributes": {"measured_by": view, "bytes": len(data)},
    }


def reasoning(view: str, chosen: str, alike: list[str], measured: Mapping[str, Measurement]) -> str:
    """Say why in words, with the figures that decided."""
    words = view.replace("_", " ")
    why = f"By {words}, {chosen} is best of {len(measured)}: {measured[chosen]}."
    if len(alike) > 1:
        others = ", ".join(choice for choice in alike if choice != chosen)
        why += f" It is alike with {others} within {ALIKE:.0%}, and compresses better."
    return why


def main() -> None:
    """Read the proposal, measure, print the ballot."""
    if len(sys.argv) != 2 or sys.argv[1] not in VIEWS:  # noqa: PLR2004 - the program's name and its one argument
        sys.exit(f"give one point of view: {', '.join(VIEWS)}")
    name, data = sample()
    if not data:
        sys.exit(f"{name} is empty: there is nothing to measure")
    asked = json.load(sys.stdin)
    json.dump(vote(sys.argv[1], asked["choices"], name, data), sys.stdout)


if __name__ == "__main__":
    main()
