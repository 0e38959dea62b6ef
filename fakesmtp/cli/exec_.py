"""``fakesmtp exec``: start a scenario, run a command against it, judge, exit."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import attrs
import click

from fakesmtp.cli.durations import Duration
from fakesmtp.cli.executing import Execution, find_program
from fakesmtp.cli.files import check_place, write_whole
from fakesmtp.cli.finding_out import (
    Asked,
    Questions,
    as_junit,
    as_result,
    check_product,
    find_out,
    tell,
    write_down,
)
from fakesmtp.cli.hosting import Host
from fakesmtp.cli.judging import Findings, judge
from fakesmtp.cli.options import ServingCommand, common_options, prepare, take_common, warn_of_exposure
from fakesmtp.cli.status import Failure, Status

_COMMAND: Final = "fakesmtp.cli.exec_.command"
_ANY: Final = ("127.0.0.1", 0)


class ExecCommand(ServingCommand):
    """A command whose arguments end at ``--``; what follows is somebody else's command line."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Set the command aside and parse the rest."""
        cut = args.index("--") if "--" in args else len(args)
        ctx.meta[_COMMAND] = args[cut + 1 :]
        rest = super().parse_args(ctx, args[:cut])
        if cut == len(args) and not ctx.resilient_parsing:
            raise click.UsageError(
                "give the scenarios, then --, then the command: fakesmtp exec NAME -- COMMAND …", ctx
            )
        if not ctx.meta[_COMMAND] and not ctx.resilient_parsing:
            raise click.UsageError("there is no command behind --", ctx)
        return rest


@click.command("exec", cls=ExecCommand)
@click.argument("scenarios", nargs=-1, required=True, metavar="SCENARIO… -- COMMAND…")
@click.option("--client", is_flag=True, help="COMMAND is the client under test: judge what it claims.")
@click.option("--verdict", is_flag=True, help="With --client: print the verdict, and what the client tells its user.")
@click.option(
    "--asked",
    type=Asked(),
    default=frozenset(),
    metavar="tls,auth",
    help="With --client: what it was configured to use; mail without it is then its fault.",
)
@click.option("--product", metavar="NAME", help="With --client: it must show this product's documented message.")
@click.option("--language", metavar="ja", help="The language of that message.")
@click.option("--timeout", type=Duration(), metavar="60s", help="Kill COMMAND after so long; a client then hung.")
@click.option("--result", type=click.Path(path_type=Path, dir_okay=False), help="Write the result there, as JSON.")
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), help="Write the result there, as JUnit XML.")
@click.option("-q", "--quiet", is_flag=True, help="Leave out the last line that says whose status it is.")
@common_options(port=0)
@click.pass_context
def command(
    context: click.Context,
    /,
    scenarios: tuple[str, ...],
    client: bool,
    verdict: bool,
    asked: frozenset[str],
    product: str | None,
    language: str | None,
    timeout: float | None,
    result: Path | None,
    junit: Path | None,
    quiet: bool,
    **given: Any,
) -> int:
    """Start a scenario, run COMMAND against it, judge, exit.

    COMMAND finds the server in its environment (SMTP_HOST, SMTP_PORT, FAKESMTP_URL, FAKESMTP_ADDRESS,
    FAKESMTP_CA_FILE, FAKESMTP_CONTROL_URL) and in its arguments, where {host} {port} {url} {address} {ca} {control}
    are replaced, and {port:NAME} by that of a listener or of another scenario.

    \b
    fakesmtp exec reject-mail-from -- pytest tests/mail
    fakesmtp exec --client mailbox-full -- swaks --server {address} --to a@example.test
    """
    questions = Questions(client, asked, product, language)
    _check(questions, verdict, context.meta[_COMMAND], (result, junit))
    common = take_common(given)
    prepared = prepare(scenarios, common)
    arguments = (find_program(context.meta[_COMMAND][0]), *context.meta[_COMMAND][1:])
    warn_of_exposure(common, prepared)
    host = Host(prepared, attrs.evolve(common, control=common.control or _ANY))
    work = Execution(host, arguments, overhear=client, patience=timeout)
    findings = Findings()

    def look() -> None:
        nonlocal findings
        if work.ended.was_run and not work.interrupted_by:
            findings = find_out(host, work.ended, questions)
            write_down(host, work.ended, findings)

    work.on_ended = look
    host.run(work.go)
    judgement = judge(
        work.ended, host.server.runs, client=client, interrupted_by=work.interrupted_by, findings=findings
    )
    if result is not None:
        told = as_result(judgement, work.ended, findings, host)
        write_whole(result, json.dumps(told, ensure_ascii=False, indent=2) + "\n")
    if junit is not None:
        write_whole(junit, as_junit(judgement, work.ended, findings, host))
    with suppress(OSError):  # stderr may be gone; the status is not
        click.echo(tell(findings, verdict=verdict), err=True, nl=False)
        if not quiet:
            sentence = judgement.short if verdict and judgement.short else judgement.sentence
            click.echo(f"fakesmtp: {sentence}", err=True)
    return judgement.status


def _check(questions: Questions, verdict: bool, command: list[str], files: tuple[Path | None, ...]) -> None:
    """See that what is asked makes sense, before anything is started.

    :raises Failure: if it does not.
    """
    wanted = {"--verdict": verdict, "--asked": questions.asked, "--product": questions.product}
    for option, given in wanted.items():
        if given and not questions.client:
            raise Failure(Status.USAGE, f"{option} is about a client: give --client too, if {command[0]} is one")
    check_product(questions.product)
    for file in files:
        if file is not None:
            check_place(file)
