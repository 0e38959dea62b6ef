"""``fakesmtp ca``: a test authority that outlives a run."""

from __future__ import annotations

from pathlib import Path

import click

from fakesmtp.cli.console import json_option, print_json
from fakesmtp.cli.status import Failure, Status


@click.command("ca", epilog="Then: fakesmtp exec --ca DIR NAME -- COMMAND…, or FAKESMTP_CA=DIR in the environment.")
@click.option(
    "--write",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Make the authority in this folder.",
)
@click.option("--force", is_flag=True, help="Replace an authority that is there; what trusted it trusts nothing then.")
@json_option
def command(folder: Path | None, force: bool, as_json: bool) -> int:
    """Make a test authority that clients can be told to trust once.

    Without it every run makes an authority of its own, whose certificate only the ready line names ("ca"). This one
    stays: DIR/ca.pem is its certificate, for the product's trust store; DIR/ca.crl.pem is its revocation list, for
    products that ask for one; DIR/ca.key is its key, which runs with --ca DIR sign their servers' certificates with.
    Whoever has the key can pose as any server to whoever trusts the certificate: trust it on test machines only.
    """
    from fakesmtp.tls.authority import CERTIFICATE_FILE, KEY_FILE, REVOCATION_FILE, Authority

    if folder is None:
        raise click.UsageError("say where to make it: fakesmtp ca --write DIR")
    present = [path for path in (folder / CERTIFICATE_FILE, folder / KEY_FILE) if path.exists()]
    if present and not force:
        raise Failure(
            Status.USAGE,
            f"{present[0]} is already there; --force replaces it, and what trusts it must then be told anew",
        )
    authority = Authority.create()
    try:
        certificate, key = authority.write_with_key(folder)
    except OSError as error:
        raise Failure(Status.NOT_STARTED, f"cannot write {error.filename or folder}: {error.strerror}") from None
    expiry = authority.certificate.not_valid_after_utc
    if as_json:
        print_json({"certificate": str(certificate), "key": str(key), "expires": expiry.isoformat()})
        return Status.OK
    click.echo(f"{certificate}  the certificate, for clients to trust (until {expiry:%Y-%m-%d})")
    click.echo(f"{folder / REVOCATION_FILE}  what it has revoked, for clients that ask for that")
    click.echo(f"{key}  the key, which stays on this machine")
    click.echo(f"Run with --ca {folder}, or FAKESMTP_CA={folder}", err=True)
    return Status.OK
