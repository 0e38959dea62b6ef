"""Who may ask: other pages, other names, tokens."""

from __future__ import annotations

import pytest
from pytest_twisted import ensureDeferred

from fakesmtp.journal.addresses import is_loopback
from fakesmtp.server.control import Control
from fakesmtp.server.control.guard import Guard
from fakesmtp.server.control.problem import Problem
from fakesmtp.server.ports import StartError

from ..serving import serve
from .calling import Controlled, controlled


def name_of(site: Controlled) -> str:
    return f"127.0.0.1:{site.control.port}"


@ensureDeferred
async def test_a_page_of_another_origin_is_refused() -> None:
    async with controlled() as site:
        for origin in ("http://evil.example", "null", f"http://127.0.0.1:{site.control.port + 1}", "http://127.0.0.1"):
            reply = await site.ask("POST", "/v1/reset", headers={"Origin": origin})
            assert (reply.status, reply.is_problem) == (403, True), origin
            assert not [name for name in reply.headers if name.lower().startswith("access-control")]
        assert site.server.journal.epoch == 1
        own = await site.ask("POST", "/v1/reset", headers={"Origin": f"http://{name_of(site)}"})
        assert own.status == 200


@ensureDeferred
async def test_a_request_from_another_site_is_refused_without_an_origin_too() -> None:
    async with controlled() as site:
        statuses = {}
        for word in ("cross-site", "same-site", "same-origin", "none"):
            statuses[word] = (await site.ask("GET", "/v1/journal", headers={"Sec-Fetch-Site": word})).status
        assert statuses == {"cross-site": 403, "same-site": 403, "same-origin": 200, "none": 200}


@ensureDeferred
async def test_a_name_that_was_rebound_to_loopback_is_refused() -> None:
    async with controlled() as site:
        port = site.control.port
        for host in (
            f"evil.example:{port}",
            "evil.example",
            "127.0.0.1",
            f"127.0.0.1:{port + 1}",
            f"127.0.0.1.nip.io:{port}",
        ):
            reply = await site.ask("GET", "/v1/messages", headers={"Host": host})
            assert (reply.status, reply.is_problem) == (421, True), host
        for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"LOCALHOST:{port}"):
            assert (await site.ask("GET", "/v1/messages", headers={"Host": host})).status == 200, host


@ensureDeferred
async def test_the_guard_stands_before_everything() -> None:
    async with controlled() as site:
        for method, path in (("GET", "/nowhere"), ("OPTIONS", "/v1/ready"), ("TRACE", "/v1/ready"), ("GET", "/")):
            reply = await site.ask(method, path, headers={"Origin": "http://evil.example"})
            assert reply.status == 403, (method, path)


@ensureDeferred
async def test_exactly_one_host_is_named() -> None:
    async with controlled() as site:
        for fields in ((), (f"Host: {name_of(site)}", "Host: evil.example")):
            lines = "\r\n".join(("GET /v1/ready HTTP/1.1", *fields, "Connection: close", "", ""))
            answer = await site.send(lines.encode())
            assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n"), fields


# ---------------------------------------------------------------------- tokens


@ensureDeferred
async def test_with_a_token_nothing_is_told_without_it() -> None:
    async with controlled(token="Geheim-ü") as site:
        right = {"Authorization": "Bearer Geheim-ü".encode().decode("latin-1")}
        wrong = (
            {},
            {"Authorization": "Bearer Geheim"},
            {"Authorization": "Basic Geheim-"},
            {"Authorization": "Bearer"},
        )
        for headers in wrong:
            for path in ("/v1/ready", "/v1/openapi.json", "/v1/events", "/nowhere"):
                reply = await site.ask("GET", path, headers=headers)
                assert (reply.status, reply.is_problem) == (401, True), (headers, path)
                assert reply.headers["WWW-Authenticate"].startswith("Bearer ")
        assert (await site.ask("GET", "/v1/ready", headers=right)).status == 200


@ensureDeferred
async def test_with_a_token_the_page_comes_without_one_and_has_no_data() -> None:
    async with controlled("summary: very secret", token="geheim") as site:
        page = await site.ask("GET", "/")
        assert page.status == 200
        assert b"very secret" not in page.body
        assert b"guarded = true" in page.body


@ensureDeferred
async def test_with_a_token_any_name_will_do_but_no_other_origin() -> None:
    async with controlled(token="geheim") as site:
        asked = {"Authorization": "bearer geheim", "Host": "qa-host.example:8025"}
        assert (await site.ask("GET", "/v1/ready", headers=asked)).status == 200
        assert (await site.ask("GET", "/v1/ready", headers={**asked, "Origin": "http://evil.example"})).status == 403
        own = {**asked, "Origin": "https://qa-host.example:8025"}
        assert (await site.ask("GET", "/v1/ready", headers=own)).status == 200


@ensureDeferred
async def test_where_others_could_reach_it_a_token_is_demanded() -> None:
    from twisted.internet import reactor

    async with serve() as server:
        for host in ("0.0.0.0", "::", "192.0.2.1"):
            with pytest.raises(StartError, match="needs a token"):
                Control(server, reactor, host=host).open()
        with pytest.raises(StartError, match="needs a token"):
            Control(server, reactor, token="").open()


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.8.9.10", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False),
     ("example.test", False), ("10.0.0.1", False)],
)  # fmt: skip
def test_which_addresses_only_this_machine_reaches(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_on_port_80_browsers_leave_the_port_out() -> None:
    guard = Guard("127.0.0.1", 80)
    for host in ("127.0.0.1", "localhost", "[::1]", "localhost:80"):
        guard.check({"host": [host]}, is_public=False)
    with pytest.raises(Problem):
        guard.check({"host": ["evil.example"]}, is_public=False)


@ensureDeferred
async def test_on_ipv6_the_address_has_brackets() -> None:
    from twisted.internet import reactor

    async with serve() as server:
        control = Control(server, reactor, host="::1")
        control.open()
        try:
            assert control.url == f"http://[::1]:{control.port}"
            assert (await Controlled(server, control).ask("GET", "/v1/ready")).status == 200
        finally:
            await control.shut()
