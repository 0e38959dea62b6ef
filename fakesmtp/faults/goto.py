"""``goto``: the scenario enters another state."""

from fakesmtp.faults.registry import effect, setting
from fakesmtp.faults.settings import StateName
from fakesmtp.protocol.policy import Turn


@effect("goto")
class GoTo:
    """Enters a state, which rules may ask for with `when: {state: …}`.

    The state is the run's, not one session's, and begins as ``start``: a server that goes down and comes back is two
    states and the rules that lead from one to the other.
    """

    state: StateName = setting("the state to enter")

    def apply(self, turn: Turn) -> None:
        """Enter it."""
        turn.session.policy.state = self.state
