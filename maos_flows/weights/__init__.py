"""Weights that are earned: what agents' records, and nothing but their records, make of their weights."""

from maos_flows.weights.learning import learn
from maos_flows.weights.lineage import effective_votes, shared_weights
from maos_flows.weights.peers import PEERS_MINIMUM_AGENTS, PEERS_MINIMUM_DECISIONS, PeerRecords
from maos_flows.weights.records import START, Record, Standing, earned_weight, learned_weights

__all__ = [
    "PEERS_MINIMUM_AGENTS",
    "PEERS_MINIMUM_DECISIONS",
    "START",
    "PeerRecords",
    "Record",
    "Standing",
    "earned_weight",
    "effective_votes",
    "learn",
    "learned_weights",
    "shared_weights",
]
