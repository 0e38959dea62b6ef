"""A scenario rehearsed: played without a network, on a clock that nobody waits for, by a client that does all right.

It takes milliseconds, so whoever explains a scenario can show what it looks like. The server is the same session with
the same rules; only the socket, the time and the client are not real.
"""

from fakesmtp.cli.rehearsal.rehearsal import Rehearsal, rehearse

__all__ = ["Rehearsal", "rehearse"]
