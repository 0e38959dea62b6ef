"""The plugin's fixtures."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest

from fakesmtp.testing import reactors
from fakesmtp.testing.further import FurtherServers
from fakesmtp.testing.judgement import conclude
from fakesmtp.testing.markers import DEFAULT, Play, WrongMarker, read_marks, read_play
from fakesmtp.testing.pool import ServerPool, options_of
from fakesmtp.testing.reporting import attendance_of

if TYPE_CHECKING:
    from fakesmtp.testing.fake import FakeSMTP
    from fakesmtp.testing.running import RunningSMTP

_CONTROL_URL: Final = "FAKESMTP_CONTROL_URL"
_CONTROL_TOKEN: Final = "FAKESMTP_CONTROL_TOKEN"
_NONE_RUNS: Final = f"""fakesmtp_running: {_CONTROL_URL} is not set, so no running server is known. Run the tests with
  fakesmtp exec SCENARIO -- pytest
or start a server with `fakesmtp serve SCENARIO --control 0` and set the variable to the ready line's "control"."""


@pytest.fixture(scope="session")
def _fakesmtp_pool(pytestconfig: pytest.Config) -> Iterator[ServerPool]:
    """The server processes of this test session; none is started before it is used."""
    pool = ServerPool(pytestconfig)
    yield pool
    pool.stop()


@pytest.fixture(scope="session", name="fakesmtp_server")
def provide_server(_fakesmtp_pool: ServerPool) -> FakeSMTP:
    """The server process of this test session (of this worker, under pytest-xdist), for fixtures of session scope.

    Its address holds for all tests whose scenario has the usual listener. What it plays, the fixture `fakesmtp` says.
    """
    with _told_plainly():
        return _fakesmtp_pool.running()


@pytest.fixture(name="fakesmtp_scenario")
def provide_scenario(request: pytest.FixtureRequest) -> Any:
    """The scenario that the markers of this test name: `healthy` if none does, one of many under `fakesmtp_each`."""
    given = getattr(request, "param", None)
    return given if given is not None else _read(request).scenario


@pytest.fixture(name="fakesmtp")
def provide_fakesmtp(
    request: pytest.FixtureRequest, fakesmtp_scenario: Any, _fakesmtp_pool: ServerPool
) -> Iterator[FakeSMTP]:
    """A test SMTP server that plays this test's scenario, with nothing received yet.

    @pytest.mark.fakesmtp("greylisting") says which. When the test is over, what the scenario expects of the client is
    judged.
    """
    play, item = _read(request)._replace(scenario=fakesmtp_scenario), request.node
    with _told_plainly(item):
        server = _fakesmtp_pool.playing(0, play)
    served = attendance_of(item).add(server, play, "fakesmtp")
    yield server
    conclude(item, [served])


@pytest.fixture(name="fakesmtp_factory")
def provide_factory(request: pytest.FixtureRequest, _fakesmtp_pool: ServerPool) -> Iterator[Callable[..., FakeSMTP]]:
    """Makes more servers for one test: fakesmtp_factory("mailbox-full", seed=…, speed=…, persona=…, set={…}).

    Each is a process of its own. With host= or port= it listens there, and is started for this test alone.
    """
    servers = FurtherServers(request.node, _fakesmtp_pool)

    def make(scenario: Any = DEFAULT, **options: Any) -> FakeSMTP:
        from fakesmtp.testing.errors import FakeSMTPError

        __tracebackhide__ = True
        try:
            return servers.make(scenario, **options)
        except FakeSMTPError as error:
            raise error.with_traceback(None) from None  # the line of the test tells more than ours

    yield make
    try:
        conclude(request.node, servers.served)
    finally:
        servers.stop()


@pytest.fixture(name="fakesmtp_reactor")
def provide_reactor(request: pytest.FixtureRequest, fakesmtp_scenario: Any) -> Iterator[Any]:
    """The same server inside the reactor that pytest-twisted runs, for its async tests: what waits is awaited."""
    play, item = _read(request)._replace(scenario=fakesmtp_scenario), request.node
    if problem := reactors.find_obstacle(item):
        pytest.fail(f"fakesmtp_reactor: {problem}", pytrace=False)
    with _told_plainly(item):
        server = reactors.listen(play, item.config)
    served = attendance_of(item).add(server, play, "fakesmtp_reactor")
    yield server
    try:
        conclude(item, [served])
    finally:
        reactors.stop(server)


@pytest.fixture(name="fakesmtp_running")
def provide_running(request: pytest.FixtureRequest, fakesmtp_scenario: Any) -> Iterator[RunningSMTP]:
    """The server that runs elsewhere and has its control interface at FAKESMTP_CONTROL_URL, as under `fakesmtp exec`.

    It goes on with what it plays. Only a scenario that a marker of the test names is loaded, and judged.
    """
    from fakesmtp.testing.running import RunningSMTP

    if not (url := os.environ.get(_CONTROL_URL)):
        pytest.fail(_NONE_RUNS, pytrace=False)
    play, item = _read(request)._replace(scenario=fakesmtp_scenario), request.node
    chosen = "fakesmtp_scenario" in getattr(getattr(item, "callspec", None), "params", ())
    named = chosen or any(mark.names_scenario for mark in read_marks(item))
    with _told_plainly(item):
        server = RunningSMTP(url, token=os.environ.get(_CONTROL_TOKEN))
        if named:
            server.scenario(play.scenario, **options_of(item.config, play))
    served = attendance_of(item).add(server, play._replace(verify=named and play.verify), "fakesmtp_running")
    yield server
    try:
        conclude(item, [served])
    finally:
        server.close()


def _read(request: pytest.FixtureRequest) -> Play:
    with _told_plainly():
        return read_play(request.node)


@contextmanager
def _told_plainly(item: pytest.Item | None = None) -> Iterator[None]:
    """What the user can mend is told without a traceback.

    :param item: the test whose marker names the scenario that is loaded.
    """
    from fakesmtp.testing.errors import FakeSMTPError, InvalidScenario, UnknownName

    problem = None
    try:
        yield
    except (UnknownName, InvalidScenario) as error:
        naming = [mark for mark in read_marks(item) if mark.names_scenario] if item is not None else []
        problem = str(naming[0].wrong(str(error))) if naming else str(error)
    except (WrongMarker, FakeSMTPError, ValueError) as error:
        problem = str(error)
    if problem is not None:
        raise pytest.fail.Exception(problem, pytrace=False) from None
