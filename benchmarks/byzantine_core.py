"""Byzantine decisions per second with real Ed25519 signatures, as a share of what the signatures alone would allow.

Run from the root of the project: `python -m benchmarks.byzantine_core`. Everything happens in one process and one
thread; the bound is measured in the same run, interleaved, with as many signatures made and checked as a decision
needs: n - 1 ballots, one proposal (but for the primary), q - 1 PREPAREs and q - 1 COMMITs a replica.
"""

import argparse
import json
import statistics
import sys
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from maos_flows.protocols.byzantine import Agreement, Replica, Seat
from maos_flows.protocols.byzantine.statements import vote_payload
from maos_flows.protocols.simulation.byzantine import run
from maos_flows.protocols.simulation.faults import Profile
from maos_flows.protocols.step import Envelope
from tests.protocols.ed25519_signing import Keys

SIZES = (4, 7, 10)
DETAIL = "0" * 64


def decide(agreement: Agreement, keys: Keys) -> int:
    """Let all replicas decide once; give how many signatures were checked."""
    replicas = {agent: Replica(agreement, agent, keys.signing(agent)) for agent in agreement.agents}
    on_the_way: deque[Envelope[Any]] = deque()
    decided = 0
    for replica in replicas.values():
        on_the_way.extend(replica.propose("yes", DETAIL).messages)
    while on_the_way:
        envelope = on_the_way.popleft()
        step = replicas[envelope.recipient].handle(envelope)
        on_the_way.extend(step.messages)
        decided += len(step.outputs)
    assert decided == agreement.size
    return sum(replica.verifications for replica in replicas.values())


def sign_and_verify(agreement: Agreement, keys: Keys) -> None:
    """Do only the signatures of one decision, on the raw keys: no tokens, no JSON."""
    message = json.dumps(dict(vote_payload(agreement, 1, DETAIL))).encode()
    agent, n, q = agreement.agents[0], agreement.size, agreement.quorum
    private, public = keys.private[agent], keys.public[agent]
    signatures = [private.sign(message) for _ in range(3 * n + 1)]
    for _ in range(n * (n - 1 + 2 * (q - 1)) + n - 1):
        public.verify(signatures[0], message)


def seconds(action: Callable[[], object]) -> float:
    """Time one call."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def measure(size: int, repetitions: int) -> dict[str, float]:
    """Measure decisions and the bound by turns."""
    agents = tuple(f"agent-{number:02}" for number in range(size))
    keys = Keys(agents)
    seats = tuple(Seat(agent, keys.text(agent)) for agent in agents)
    whole, crypto = [], []
    checks = 0
    for number in range(repetitions):
        agreement = Agreement(f"decision {number}", "Shall we?", ("yes", "no"), seats)
        checks = decide(agreement, keys)
        whole.append(seconds(partial(decide, agreement, keys)))
        crypto.append(seconds(partial(sign_and_verify, agreement, keys)))
    decision, bound = statistics.median(whole), statistics.median(crypto)
    return {
        "replicas": size,
        "decisions_per_second": round(1 / decision, 1),
        "bound_by_signatures_per_second": round(1 / bound, 1),
        "share_of_bound": round(bound / decision, 3),
        "signatures_checked_per_replica": round(checks / size, 2),
    }


def simulate(seeds: int, profile: Profile) -> dict[str, float | str]:
    """Measure the simulator with every invariant checked."""
    start = time.perf_counter()
    events = sum(run(seed, profile).events for seed in range(seeds))
    passed = time.perf_counter() - start
    return {
        "profile": profile.value,
        "seeds": seeds,
        "events_per_second": round(events / passed),
        "runs_per_second": round(seeds / passed, 1),
    }


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=40)
    parser.add_argument("--seeds", type=int, default=100)
    options = parser.parse_args()
    results = {
        "python": sys.version.split()[0],
        "agreement": [measure(size, options.repetitions) for size in SIZES],
        "simulator": [simulate(options.seeds, profile) for profile in (Profile.SWARM, Profile.UNIFORM)],
    }
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
