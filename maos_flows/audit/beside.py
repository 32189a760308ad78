"""What a store keeps beside its decisions, each by the noun it is called by."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from sqlalchemy import Connection

if TYPE_CHECKING:  # each costs a few hundredths of a second to import, and few commands need more than one
    from maos_flows.audit.batches import Batches
    from maos_flows.audit.configuration import ConfigurationChanges
    from maos_flows.audit.drills import Drills
    from maos_flows.audit.feedback import LearnedStandings
    from maos_flows.audit.isolation import Isolations
    from maos_flows.audit.model_summaries import ModelSummaries
    from maos_flows.audit.openings import Openings
    from maos_flows.audit.people import PeopleAsked
    from maos_flows.audit.policies import PolicyVersions
    from maos_flows.audit.signatures import Signatures
    from maos_flows.audit.suggestions import Suggestions


class Beside:
    """The part of a store that gives what is kept beside decisions; the store says how transactions begin."""

    _writing: Callable[[], AbstractContextManager[Connection]]
    _reading: Callable[[], AbstractContextManager[Connection]]
    _openings: "Openings"

    @property
    def batches(self) -> "Batches":
        """What is decided in bulk."""
        from maos_flows.audit.batches import Batches  # noqa: PLC0415 - see above

        return Batches(self._writing, self._reading)

    @property
    def configuration(self) -> "ConfigurationChanges":
        """Who changed the configuration, and how."""
        from maos_flows.audit.configuration import ConfigurationChanges  # noqa: PLC0415 - see above

        return ConfigurationChanges(self._writing, self._reading)

    @property
    def drills(self) -> "Drills":
        """What is made to fail on purpose."""
        from maos_flows.audit.drills import Drills  # noqa: PLC0415 - see above

        return Drills(self._writing, self._reading)

    @property
    def isolations(self) -> "Isolations":
        """Which agents are kept out of electorates."""
        from maos_flows.audit.isolation import Isolations  # noqa: PLC0415 - see above

        return Isolations(self._writing, self._reading)

    @property
    def learned(self) -> "LearnedStandings":
        """What became known of decisions, and what agents' records are since."""
        from maos_flows.audit.feedback import LearnedStandings  # noqa: PLC0415 - see above

        return LearnedStandings(self._writing, self._reading)

    @property
    def model_summaries(self) -> "ModelSummaries":
        """What language models wrote about closed decisions."""
        from maos_flows.audit.model_summaries import ModelSummaries  # noqa: PLC0415 - see above

        return ModelSummaries(self._writing, self._reading)

    @property
    def people(self) -> "PeopleAsked":
        """What people are asked, and what they answered."""
        from maos_flows.audit.people import PeopleAsked  # noqa: PLC0415 - see above

        return PeopleAsked(self._writing, self._reading)

    @property
    def policies(self) -> "PolicyVersions":
        """Which versions of policies were installed."""
        from maos_flows.audit.policies import PolicyVersions  # noqa: PLC0415 - see above

        return PolicyVersions(self._writing, self._reading)

    @property
    def signatures(self) -> "Signatures":
        """Which records of closed decisions are signed, and whether they are as they were then."""
        from maos_flows.audit.signatures import Signatures  # noqa: PLC0415 - see above

        return Signatures(self._reading)

    @property
    def suggestions(self) -> "Suggestions":
        """What agents suggested where a question came without choices."""
        from maos_flows.audit.suggestions import Suggestions  # noqa: PLC0415 - see above

        return Suggestions(self._writing, self._reading, self._openings)
