"""Exim: one daemon on several ports, configured after the default file and by the port that a client comes to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.personas.conversation import greeting
from tests.personas.sandbox import Sandbox, free_ports, make_certificate

SETTINGS: Final = """\
exim_path = {program}
primary_hostname = mx.example.test
domainlist local_domains = example.test
domainlist relay_to_domains =
hostlist relay_from_hosts =
exim_user = Debian-exim
exim_group = Debian-exim
spool_directory = /var/spool/exim4
log_file_path = /var/log/exim4/%slog
pid_file_path = /run/exim.pid
daemon_smtp_ports = {ports}
local_interfaces = 127.0.0.1
disable_ipv6
never_users =
acl_smtp_connect = check_connect
acl_smtp_helo = check_helo
acl_smtp_mail = check_mail
acl_smtp_rcpt = check_rcpt
acl_smtp_data = check_data
host_lookup = *
host_lookup_order = byaddr
rfc1413_query_timeout = 0s
tls_advertise_hosts = ${{if eq{{$received_port}}{{NO_TLS}}{{}}{{*}}}}
tls_certificate = ${{if eq{{$received_port}}{{BROKEN_TLS}}{{/etc/passwd}}{{/etc/chain.pem}}}}
tls_privatekey = ${{if eq{{$received_port}}{{BROKEN_TLS}}{{/etc/passwd}}{{/etc/chain.pem}}}}
auth_advertise_hosts = ${{if eq{{$received_port}}{{NO_AUTH}}{{}}{{*}}}}
chunking_advertise_hosts = ${{if eq{{$received_port}}{{NO_CHUNKING}}{{}}{{*}}}}
smtputf8_advertise_hosts = *
pipelining_connect_advertise_hosts = ${{if eq{{$received_port}}{{EARLY}}{{}}{{*}}}}
helo_verify_hosts =
helo_try_verify_hosts =
message_size_limit = ${{if eq{{$received_port}}{{SMALL}}{{20K}}{{50M}}}}
recipients_max = 3
smtp_accept_max_per_connection = 4
smtp_accept_max_per_host = ${{if eq{{$received_port}}{{ONE_CONNECTION}}{{1}}{{0}}}}
smtp_receive_timeout = ${{if eq{{$received_port}}{{IMPATIENT}}{{3s}}{{5m}}}}
smtp_max_unknown_commands = 3
smtp_max_synprot_errors = 30
smtp_enforce_sync = true
received_headers_max = 30
queue_only
.ifdef CRAMPED
check_spool_space = 900000G
.else
check_spool_space = 0
.endif
.ifdef CRAMPED
notifier_socket =
.endif
keep_environment =
add_environment =

begin acl

check_connect:
  warn condition = ${{if eq{{$received_port}}{{EARLY}}}}
       delay = 1s
  accept

check_helo:
  deny condition = ${{if eq{{$received_port}}{{HELO}}}}
  accept

check_mail:
  deny senders = refused@example.test
  accept

check_rcpt:
  deny    domains    = +local_domains
          local_parts = ^[.] : ^.*[@%!/|]
          message    = Restricted characters in address
  deny    condition = ${{if eq{{$received_port}}{{SENDER}}}}
          !verify    = sender
  deny    condition = ${{if eq{{$received_port}}{{LISTED}}}}
          dnslists   = dnsbl.example
          message    = rejected because $sender_host_address is in a black list at $dnslist_domain\\n$dnslist_text
  accept  authenticated = *
  require message = relay not permitted
          domains = +local_domains : +relay_to_domains
  require verify = recipient
  accept

check_data:
  deny    condition = ${{if eq{{$h_subject:}}{{refused}}}}
  accept

begin routers

missing:
  driver = redirect
  domains = nowhere.example
  allow_fail
  data = :fail:

system_users:
  driver = accept
  domains = +local_domains
  local_parts = bob : carol : dave : alice
  transport = nothing
  cannot_route_message = Unknown user

begin transports

nothing:
  driver = appendfile
  file = /dev/null
  user = Debian-exim

begin retry

*  *  F,2h,15m

begin authenticators

PLAIN:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if eq{{$auth2}}{{later}}{{${{acl{{missing}}}}}}{{${{if eq{{$auth2}}{{alice}}}}}}}}
  server_set_id = $auth2

LOGIN:
  driver = plaintext
  public_name = LOGIN
  server_prompts = <| Username: | Password:
  server_condition = ${{if eq{{$auth1}}{{alice}}}}
  server_set_id = $auth1
"""
SERVICES: Final = (
    "usual",
    "no-tls",
    "broken-tls",
    "no-auth",
    "no-chunking",
    "small",
    "one-connection",
    "impatient",
    "early",
    "helo",
    "sender",
    "listed",
)


@contextmanager
def running(package: Path, folder: Path, nameserver: str) -> Iterator[Mapping[str, int]]:
    """Exim, and the port of each service."""
    sandbox = Sandbox.make(folder, package, nameserver)
    ports = dict(zip([*SERVICES, "full-disk"], free_ports(len(SERVICES) + 1), strict=True))
    program = str(package / "usr/sbin/exim4")
    macros = "".join(f"{name.upper().replace('-', '_')} = {port}\n" for name, port in ports.items())
    settings = sandbox.etc / "exim.conf"
    settings.write_text(
        macros + SETTINGS.format(program=program, ports=" : ".join(str(ports[name]) for name in SERVICES))
    )
    make_certificate(sandbox.etc / "chain.pem")
    for name in ("var/spool/exim4", "var/log/exim4"):
        (folder / name).mkdir()
        sandbox.own(folder / name, "Debian-exim")
    cramped = f"{program} -C /etc/exim.conf -DCRAMPED=yes -bdf -oX {ports['full-disk']} -oP /run/exim2.pid"
    command = ["sh", "-c", f"{cramped} & exec {program} -C /etc/exim.conf -bdf"]
    with sandbox.running(command, [ports["usual"], ports["full-disk"]]):
        yield ports


def version(package: Path, ports: Mapping[str, int]) -> str:
    """What it says of itself, in the greeting: by -bV it wants its user, which is known in its sandbox only."""
    return greeting(ports["usual"]).partition(" Exim ")[2].split()[0]
