"""Ids of runs and decisions that Prefect starts: never two of the same."""

from maos_flows.flows.ids import run_id_of


def test_runs_that_a_schedule_makes_in_one_moment_have_ids_of_their_own():
    # As Prefect's scheduler made them: they begin with the time, and are made in batches.
    made = ("01a20353-9ee4-7d68-9e0f-14c9cc04d88b", "01a20353-9ee4-7587-9048-f5279db93d04")

    assert len({run_id_of(flow_run_id) for flow_run_id in made}) == 2


def test_a_run_that_is_tried_again_has_the_same_id():
    assert run_id_of("4d1fae37-7cf7-4f06-acf8-f6df6bc3c8a2") == "f6df6bc3c8a2"
