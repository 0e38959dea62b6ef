"""What is known of the client from its own side: how it ended, and what it told its user."""

from __future__ import annotations

import attrs


@attrs.frozen
class Claim:
    """What the client claims. Nothing is known where nobody has watched it: then it cannot be judged."""

    status: int | None = None
    """Its exit status, as a shell gives it (128+n where a signal has ended it); ``None``: not known."""
    killed_by: int = 0
    """The signal that has ended it, unless it was killed for its patience: see ``hung``."""
    hung: bool = False
    """It did not end within the time that it was given."""
    output: str | None = None
    """What it has told its user: stdout and stderr, in the order in which they came; ``None``: not known."""

    @property
    def claims_success(self) -> bool | None:
        """Whether it says that all went well; ``None``: not known."""
        if self.hung or self.killed_by:
            return False
        return None if self.status is None else self.status == 0
