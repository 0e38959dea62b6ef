"""Requests that are wrong, large, slow or strange: each gets a problem document, and nothing is left behind."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pytest_twisted import ensureDeferred

from fakesmtp.server.control.channel import MOST_DRAINED
from fakesmtp.server.control.exchange import MOST_OCTETS
from fakesmtp.server.control.operations import split_target
from fakesmtp.server.control.problem import Problem
from fakesmtp.server.control.site import MOST_CONNECTIONS

from ..serving import in_thread, until
from .calling import JSON, YAML, Controlled, controlled, read_to_end


def document_of(answer: bytes) -> dict[str, Any]:
    """The problem document at the end of a raw answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head, answer
    found: dict[str, Any] = json.loads(body)
    assert head.startswith(b"HTTP/1.1 %d " % found["status"])
    return found


# ---------------------------------------------------------------------- methods and paths


@ensureDeferred
async def test_an_unknown_path_is_404_whatever_the_method() -> None:
    async with controlled() as site:
        for method in ("GET", "POST", "BREW", "TRACE", "OPTIONS"):
            for path in ("/v1/nowhere", "/v2/ready", "/v1/ready/", "//", "/v1/sessions/1/raw"):
                reply = await site.ask(method, path)
                assert (reply.status, reply.is_problem) == (404, True), (method, path)


@ensureDeferred
async def test_a_method_that_is_not_possible_is_405_with_what_is() -> None:
    async with controlled() as site:
        for method in ("TRACE", "PUT", "BREW", "DELETE", "PROPFIND", "get"):
            reply = await site.ask(method, "/v1/ready")
            assert (reply.status, reply.is_problem) == (405, True), method
            assert reply.headers["Allow"] == "GET, HEAD, OPTIONS"
        assert (await site.ask("HEAD", "/v1/reset")).status == 405


@ensureDeferred
async def test_options_tells_what_is_possible() -> None:
    async with controlled() as site:
        reply = await site.ask("OPTIONS", "/v1/scenario")
        assert (reply.status, reply.headers["Allow"], reply.body) == (204, "GET, HEAD, OPTIONS, PUT", b"")


@ensureDeferred
async def test_head_is_get_without_the_content() -> None:
    async with controlled() as site:
        for path in ("/v1/ready", "/v1/messages", "/v1/events", "/", "/v1/capture.pcapng"):
            reply = await site.ask("HEAD", path)
            assert (reply.status, reply.body) == (200, b""), path
        got = await site.ask("GET", "/v1/state")
        assert (await site.ask("HEAD", "/v1/state")).headers["Content-Length"] == str(len(got.body))


def test_a_target_may_be_a_whole_url() -> None:
    assert split_target("http://127.0.0.1:1/v1/ready?run=0") == ("/v1/ready", "run=0")
    assert split_target("/v1/ready?run=0?x") == ("/v1/ready", "run=0?x")
    assert split_target("*") == ("*", "")
    with pytest.raises(Problem):
        split_target("http://[::1/v1/ready")


@ensureDeferred
async def test_a_path_that_is_no_text_is_refused() -> None:
    async with controlled() as site:
        for path in ("/v1/rules/%ff", "/v1/messages/%c3"):
            assert (await site.ask("GET", path)).status == 400, path
        assert (await site.ask("GET", "/v1/messages/%2e%2e%2fetc")).status == 404


# ---------------------------------------------------------------------- queries


@ensureDeferred
async def test_an_unknown_parameter_is_told_with_the_nearest() -> None:
    async with controlled() as site:
        reply = await site.ask("GET", "/v1/journal?aftr=3")
        assert reply.status == 400
        (error,) = reply.json["errors"]
        assert error == {"parameter": "aftr", "message": "unknown parameter 'aftr'", "hint": "did you mean 'after'?"}


@ensureDeferred
async def test_parameters_are_checked() -> None:
    wrong = {
        "/v1/journal?after=x": "whole number",
        "/v1/journal?after=-2": "out of range",
        "/v1/journal?after=1&after=2": "twice",
        "/v1/journal?after=%ff": "not UTF-8",
        "/v1/journal?" + "&".join(f"a{n}=1" for n in range(60)): "parameters",
        "/v1/ready?run=0": "there is no parameter here",
        "/v1/scenario?run=１": "whole number",
        "/v1/scenario?run=99999999999999999999999": "whole number",
        "/v1/journal?session=": "whole number",
    }
    async with controlled() as site:
        for path, told in wrong.items():
            reply = await site.ask("GET", path.replace("１", "%EF%BC%91"))
            assert (reply.status, reply.is_problem) == (400, True), path
            assert told in reply.json["detail"], path


# ---------------------------------------------------------------------- bodies


@ensureDeferred
async def test_what_is_no_json_object_is_400() -> None:
    wrong = {
        b"": "no JSON",
        b"{": "line 1, column 2",
        b'{"timeout": 1,\n "messages": }': "line 2, column 14",
        b"[]": "JSON object",
        b"1": "JSON object",
        b"null": "JSON object",
        b'{"messages": NaN}': "NaN",
        b'{"messages": -Infinity}': "-Infinity",
        b'{"timeout": 1e999}': "too large",
        b'{"messages": 1, "messages": 2}': "stands twice",
        b'{"messages": ' + b"9" * 5000 + b"}": "cannot be read",
        b'{"messages": "\\ud800"}': "surrogate",
        b'{"\\udfff": 1}': "surrogate",
        b'{"x": ["\\udfff"]}': "surrogate",
        b"\xff{}": "UTF-8",
        b"[" * 200_000: "inside one another",
        b'{"a":' * 150_000: "inside one another",
    }
    async with controlled() as site:
        for body, told in wrong.items():
            reply = await site.ask("POST", "/v1/wait", body, JSON)
            assert (reply.status, reply.is_problem) == (400, True), body[:40]
            assert told in reply.json["detail"], body[:40]


@ensureDeferred
async def test_a_value_of_the_wrong_kind_is_422_with_its_place() -> None:
    async with controlled() as site:
        reply = await site.ask("POST", "/v1/wait", {"messages": "one", "timeut": 1, "timeout": "5 fortnights"})
        assert (reply.status, reply.is_problem) == (422, True)
        told = {each["pointer"]: (each["message"], each["hint"]) for each in reply.json["errors"]}
        assert told["/messages"][0] == "a whole number is expected here, not 'one'"
        assert told["/timeut"] == ("unknown key 'timeut'", "did you mean 'timeout'?")
        assert "no duration" in told["/timeout"][0]


@ensureDeferred
async def test_a_body_in_another_format_is_415() -> None:
    async with controlled() as site:
        for headers in ({}, {"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}):
            reply = await site.ask("POST", "/v1/clock", b"advance=1s", headers)
            assert (reply.status, reply.is_problem) == (415, True), headers
        form = {"Content-Type": "multipart/form-data; boundary=x"}
        assert (await site.ask("POST", "/v1/clock", b"--x\r\nnonsense", form)).status == 415
        parameters = {"Content-Type": "application/json; charset=utf-8"}
        assert (await site.ask("POST", "/v1/clock", b'{"advance": "1s"}', parameters)).status == 200


@ensureDeferred
async def test_a_body_where_none_belongs_is_400() -> None:
    async with controlled() as site:
        assert (await site.ask("GET", "/v1/ready", {"a": 1})).status == 400


@ensureDeferred
async def test_a_body_is_bounded_whatever_its_length_is_said_to_be() -> None:
    async with controlled() as site:
        large = b"#" * (MOST_OCTETS + 1)
        reply = await site.ask("PUT", "/v1/scenario", large, YAML)
        assert (reply.status, reply.is_problem, reply.headers["Connection"]) == (413, True, "close")
        head = site.head("PUT", "/v1/scenario", "Content-Type: application/yaml", "Transfer-Encoding: chunked")
        chunk = b"%x\r\n%s\r\n" % (65536, b"#" * 65536)
        answer = await site.send(head + chunk * 17 + b"0\r\n\r\n")
        assert document_of(answer)["status"] == 413
        assert site.server.journal.epoch == 1


@ensureDeferred
async def test_a_body_of_just_the_bound_is_read() -> None:
    async with controlled() as site:
        text = b"summary: large\n#" + b"x" * (MOST_OCTETS - 16)
        reply = await site.ask("PUT", "/v1/scenario", text, YAML)
        assert reply.status == 422
        assert "characters at most" in reply.json["detail"]


@ensureDeferred
async def test_who_asks_before_sending_too_much_is_told_before() -> None:
    async with controlled() as site:
        head = site.head("PUT", "/v1/scenario", "Content-Length: 99999999999", "Expect: 100-continue")
        answer = await site.send(head)
        assert document_of(answer)["status"] == 413
        assert b"100 Continue" not in answer


@ensureDeferred
async def test_who_sends_far_too_much_is_cut_off() -> None:
    def flood(site: Controlled) -> bytes:
        with site.connect() as sender:
            sender.sendall(site.head("PUT", "/v1/scenario", "Content-Length: 99999999999"))
            try:
                for _ in range(8 * MOST_DRAINED // 65536):
                    sender.sendall(b"#" * 65536)
            except OSError:
                return b"cut off"
            return b"all of it was taken"

    async with controlled() as site:
        assert await in_thread(flood, site) == b"cut off"


@ensureDeferred
async def test_two_requests_in_one_write_are_answered_in_turn() -> None:
    async with controlled() as site:
        first = site.head("POST", "/v1/clock", "Content-Type: application/json", "Content-Length: 16")
        second = site.head("GET", "/v1/nowhere", "Connection: close")
        answer = await site.send(first + b'{"advance":"1s"}' + second)
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"HTTP/1.1 404 Not Found\r\n" in answer


@ensureDeferred
async def test_a_length_that_is_too_short_leaves_no_request_behind_it() -> None:
    async with controlled() as site:
        head = site.head("POST", "/v1/clock", "Content-Type: application/json", "Content-Length: 2")
        answer = await site.send(head + b'{}{"advance":"1s"}\r\n\r\n')
        assert answer.startswith(b"HTTP/1.1 422 ")
        assert document_of(answer[answer.rindex(b"HTTP/1.1") :])["status"] == 400


# ---------------------------------------------------------------------- no HTTP


@ensureDeferred
async def test_what_is_no_http_gets_a_problem_document() -> None:
    async with controlled() as site:
        name = f"127.0.0.1:{site.control.port}"
        for octets in (
            b"EHLO a.example.test\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
            b"GET /v1/ready HTTP/1.1\r\nno colon\r\n\r\n",
            b"GET /v1/ready HTTP/1.1\r\nHost: " + name.encode() + b"\r\n" + b"A: b\r\n" * 600 + b"\r\n",
            b"GET /v1/ready HTTP/1.1\r\nHost: " + name.encode() + b"\r\nA: " + b"b" * 17_000 + b"\r\n\r\n",
            b"POST /v1/reset HTTP/1.1\r\nContent-Length: x\r\n\r\n",
            b"POST /v1/reset HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"POST /v1/reset HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\nxx",
            b"POST /v1/reset HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n",
        ):
            answer = await site.send(octets)
            assert answer.count(b"HTTP/1.1 ") == 1, octets[:60]
            assert document_of(answer)["status"] == 400, octets[:60]


@ensureDeferred
async def test_there_are_only_so_many_connections() -> None:
    def exhaust(site: Controlled) -> list[bytes]:
        connections = [site.connect() for _ in range(MOST_CONNECTIONS)]
        with site.connect() as one_more:
            refused = read_to_end(one_more)
        for each in connections:
            each.close()
        return [refused]

    async with controlled() as site:
        assert await in_thread(exhaust, site) == [b""]
        await until(lambda: not _channels(site))
        assert (await site.ask("GET", "/v1/ready")).status == 200


def _channels(site: Controlled) -> Any:
    web = site.control._site
    return web.channels if web is not None else ()


# ---------------------------------------------------------------------- our own mistakes


@ensureDeferred
async def test_a_mistake_of_ours_is_500_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, failures: list[str]
) -> None:
    async with controlled() as site:
        monkeypatch.setattr(site.server, "ready", lambda: 1 / 0)
        for method, path in (("GET", "/v1/ready"), ("POST", "/v1/reset")):
            reply = await site.ask(method, path)
            assert (reply.status, reply.is_problem) == (500, True)
            assert b"ZeroDivision" not in reply.body
            assert b"Traceback" not in reply.body
        assert len(failures) == 2
        assert all("ZeroDivisionError" in each for each in failures)
        failures.clear()


@ensureDeferred
async def test_an_answer_that_breaks_in_the_middle_does_not_look_whole(failures: list[str]) -> None:
    async with controlled() as site:
        for _ in range(1000):
            site.server.journal.note("well and good")
        site.server.journal.note("two", broken=Unspeakable())
        answer = await site.send(site.head("GET", "/v1/journal"))
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert not answer.endswith(b"0\r\n\r\n")
        reply = await site.ask("GET", "/v1/journal?after=999")
        assert (reply.status, reply.is_problem) == (500, True)
        assert len(failures) == 2
        failures.clear()


class Unspeakable:
    """What cannot be written as JSON, nor as text."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


@ensureDeferred
async def test_shut_ends_what_is_open_and_may_be_called_twice() -> None:
    async with controlled() as site:
        stream = await in_thread(_open_stream, site)
        await site.control.shut()
        await site.control.shut()
        assert b"event: epoch" in await in_thread(read_to_end, stream)
        stream.close()
        with pytest.raises(ConnectionRefusedError):
            await site.ask("GET", "/v1/ready")
        assert not _channels(site)


def _open_stream(site: Controlled) -> Any:
    stream = site.connect()
    stream.sendall(site.head("GET", "/v1/events"))
    assert stream.recv(1) == b"H"
    return stream


def test_web_is_imported_with_the_first_connection_only() -> None:
    import subprocess
    import sys

    code = "import sys, fakesmtp.server.control; sys.exit('twisted.web' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
