"""AUTH in all its ways (RFC 4954), with and without an initial response, cancelled and empty."""

from __future__ import annotations

import base64
import hmac

import pytest

from fakesmtp.protocol.actions import Close, Heard
from fakesmtp.protocol.reply import Reply
from fakesmtp.scenario.model import Auth, Capabilities
from tests.protocol.playbook import act, rule


def b64(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def plain(user: str, password: str, authorization: str = "") -> str:
    return b64(f"{authorization}\0{user}\0{password}")


ACCOUNTS = {"carol": "secret", "empty": "", "Zoë": "pässword", "space ": "x"}
PLAIN = plain("carol", "secret")


@pytest.fixture
def play(playbook):
    made = playbook(accounts=ACCOUNTS)
    made >> "EHLO client" << "250-"
    return made


@pytest.mark.parametrize("line", [f"AUTH PLAIN {PLAIN}", f"auth plain {PLAIN}", f"AUTH  PLAIN  {PLAIN}"])
def test_plain_with_an_initial_response(play, line):
    play >> line << "235 2.7.0"
    assert (play.session.user, play.session.authenticated) == ("carol", True)


def test_plain_without_one_is_prompted(play):
    play >> "AUTH PLAIN" << b"334 \r\n"
    play >> PLAIN << "235"


def test_plain_with_an_authorization_identity(play):
    play >> f"AUTH PLAIN {plain('carol', 'secret', 'boss')}" << "235"
    assert play.session.user == "carol"


def test_login_prompts_twice(play):
    play >> "AUTH LOGIN" << f"334 {b64('Username:')}"
    play >> b64("carol") << f"334 {b64('Password:')}"
    play >> b64("secret") << "235"


def test_login_with_an_initial_response_prompts_for_the_password(play):
    play >> f"AUTH LOGIN {b64('carol')}" << f"334 {b64('Password:')}"
    play >> b64("secret") << "235"


@pytest.mark.parametrize("empty", ["", "="])
def test_an_empty_password(play, empty):
    play >> f"AUTH LOGIN {b64('empty')}" << "334"
    play >> empty << "235"


def test_a_password_that_is_wrong(play):
    play >> "AUTH LOGIN" << "334"
    play >> b64("carol") << "334"
    play >> b64("Secret") << "535 5.7.8"
    assert (play.session.user, play.session.authenticated) == (None, False)
    play >> f"AUTH PLAIN {PLAIN}" << "235"


def test_a_trailing_blank_in_a_user_name_counts(play):
    play >> f"AUTH PLAIN {plain('carol ', 'secret')}" << "535"
    assert 'AUTH PLAIN for user "carol "' in play.notes


def test_utf8(play):
    play >> f"AUTH PLAIN {plain('Zoë', 'pässword')}" << "235"


def test_octets_that_are_no_text_are_a_wrong_user(play):
    play >> f"AUTH PLAIN {b64(bytes([0, 0xFF, 0xFE, 0, 1]))}" << "535"


def test_cram_md5(play):
    play >> "AUTH CRAM-MD5" << "334 "
    challenge = base64.b64decode(play.all_replies()[-1][4:])
    digest = hmac.new(b"secret", challenge, "md5").hexdigest()
    play >> b64(f"carol {digest}") << "235"


def test_cram_md5_takes_no_initial_response(play):
    play >> f"AUTH CRAM-MD5 {b64('carol x')}" << "501"


def test_cram_md5_with_a_wrong_digest(play):
    play >> "AUTH CRAM-MD5" << "334"
    play >> b64("carol 0123456789abcdef0123456789abcdef") << "535"


@pytest.mark.parametrize("initial", [True, False])
def test_xoauth2(play, initial):
    token = b64("user=carol\x01auth=Bearer secret\x01\x01")
    if initial:
        play >> f"AUTH XOAUTH2 {token}" << "235"
    else:
        play >> "AUTH XOAUTH2" << b"334 \r\n"
        play >> token << "235"


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2"])
def test_a_star_cancels(play, mechanism):
    play >> f"AUTH {mechanism}" << "334"
    play >> "*" << "501 5.0.0 Authentication cancelled"
    play >> "NOOP" << "250"


@pytest.mark.parametrize(
    ("persona", "words"), [("postfix", "501 5.7.0 Authentication aborted"), ("haraka", "504 Invalid AUTH string")]
)
def test_what_is_cancelled_is_told_in_the_persona_s_words(playbook, persona, words):
    play = playbook(persona=persona)
    play >> "EHLO client.example.test" << "250"
    play >> "AUTH PLAIN" << "334"
    play >> "*" << words
    play >> "NOOP" << "250"


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2"])
@pytest.mark.parametrize("line", ["???", "AAA", "\xe4"])
def test_what_is_no_base64_is_501(play, mechanism, line):
    play >> f"AUTH {mechanism}" << "334"
    play >> line << "501 5.5.4"
    play >> "NOOP" << "250"


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("AUTH", "501"),
        ("AUTH PLAIN a b c", "501"),
        ("AUTH PLAIN ???", "501"),
        ("AUTH PLAIN *", "501"),
        (f"AUTH PLAIN {b64('nonsense')}", "501"),
        (f"AUTH XOAUTH2 {b64('nonsense')}", "501"),
        ("AUTH DIGEST-MD5", "504 5.5.4"),
        ("AUTH GSSAPI aGk=", "504 5.5.4"),
    ],
)
def test_what_cannot_begin_a_dialogue(play, line, reply):
    play >> line << reply
    play >> "NOOP" << "250"


def test_once_is_enough(play):
    play >> f"AUTH PLAIN {PLAIN}" << "235"
    play >> f"AUTH PLAIN {PLAIN}" << "503 5.5.1"


def test_any_credentials_pass_where_no_accounts_are_named(playbook):
    play = playbook()
    play >> f"AUTH PLAIN {plain('who', 'ever')}" << "235"
    assert play.session.user == "who"


@pytest.mark.parametrize(
    "keys",
    [{"auth": Auth(())}, {"auth": Auth(only_in_tls=True)}, {"capabilities": Capabilities(edits={"AUTH": None})}],
)
def test_what_is_not_offered_is_refused(playbook, keys):
    play = playbook(**keys)
    play >> "EHLO client" << "250-"
    assert b"AUTH" not in play.wire
    play >> f"AUTH PLAIN {PLAIN}" << "502 5.5.1"


def test_only_what_the_list_names_is_served(playbook):
    play = playbook(capabilities=Capabilities(exact=("AUTH=LOGIN",)))
    play >> "EHLO client" << "250-mx.example.test\r\n250 AUTH=LOGIN"
    play >> f"AUTH PLAIN {PLAIN}" << "504"
    play >> "AUTH LOGIN" << "334"
    play >> "*" << "501"


def test_nothing_of_the_credentials_is_shown(play):
    play >> f"AUTH PLAIN {PLAIN}" << "235"
    heard = next(action for action in play.actions if isinstance(action, Heard) and action.stage == "auth")
    assert heard.shown == "AUTH PLAIN ***"


def test_nor_of_the_lines_of_a_dialogue(play):
    play >> "AUTH LOGIN" << "334"
    play >> b64("carol") << "334"
    play >> b64("secret") << "235"
    shown = [action.shown for action in play.actions if isinstance(action, Heard) and action.stage == "auth-line"]
    assert shown == ["***", "***"]


def test_a_line_of_the_dialogue_may_be_long(playbook):
    play = playbook(limits={"line": 512, "auth_line": 12_288})
    play >> "AUTH PLAIN" << "334"
    play >> plain("u" * 5000, "p") << "235"


def test_but_not_without_end(playbook):
    play = playbook(limits={"line": 512, "auth_line": 1000})
    play >> "AUTH LOGIN" << "334"
    play >> "A" * 1000 << "500 5.5.6"
    play >> "NOOP" << "250"


def test_a_client_that_keeps_on_misusing_auth_is_sent_away(playbook):
    play = playbook(limits={"errors": 2})
    play >> "AUTH NTLM" << "504"
    play >> "AUTH NTLM" << "504"
    play >> "AUTH NTLM" << "421 4.7.0" << Close("fin")


# ---------------------------------------------------------------------- rules in the dialogue


def test_the_verdict_comes_after_two_prompts(playbook):
    play = playbook(rule("auth-response", act("refuse", "auth-failed")))
    play >> "AUTH LOGIN" << "334"
    play >> b64("carol") << "334"
    play >> b64("secret") << "535"


def test_the_verdict_comes_with_the_initial_response_too(playbook):
    play = playbook(rule("auth-response", act("refuse", "auth-failed")))
    play >> f"AUTH PLAIN {PLAIN}" << "535"
    assert play.rules == ["auth-response-rule"]


def test_a_refusal_at_auth_comes_before_any_prompt(playbook):
    play = playbook(rule("auth", act("refuse", "auth-temporary")))
    play >> "AUTH LOGIN" << "454"
    play >> "NOOP" << "250"


def test_auth_line_is_each_further_line(playbook):
    play = playbook(rule("auth-line", act("refuse", "internal-error"), after=1))
    play >> "AUTH LOGIN" << "334"
    play >> b64("carol") << "334"
    play >> b64("secret") << "451"
    play >> "NOOP" << "250"


@pytest.mark.parametrize("line", ["AUTH LOGIN", f"AUTH PLAIN {PLAIN}"])
def test_accept_at_auth_goes_on_with_the_ordinary_dialogue(playbook, line):
    play = playbook(rule("auth", act("accept")), accounts={"carol": "other"})
    if line == "AUTH LOGIN":
        play >> line << "334"
        play >> b64("carol") << "334"
        play >> b64("wrong") << "535"
    else:
        play >> line << "535"


def test_accept_at_auth_serves_a_client_to_whom_nothing_was_offered(playbook):
    play = playbook(rule("auth", act("accept")), capabilities=Capabilities(exact=()))
    play >> "AUTH LOGIN" << "334"
    play >> b64("carol") << "334"
    play >> b64("secret") << "235"


def test_accept_with_octets_before_it_still_comes_to_the_verdict(playbook):
    play = playbook(rule("auth", act("send", b"250-noise\r\n"), act("accept")))
    play >> f"AUTH PLAIN {PLAIN}" << b"250-noise\r\n235 2.7.0 Authentication successful\r\n"
    assert play.session.authenticated


def test_proceed_leaves_out_the_prompt_and_goes_on(playbook):
    play = playbook(rule("auth", act("send", b"334 rubbish\r\n"), act("proceed")))
    play >> "AUTH LOGIN" << b"334 rubbish\r\n"
    play >> b64("carol") << f"334 {b64('Password:')}"
    play >> b64("secret") << "235"


def test_proceed_with_complete_credentials_comes_to_the_verdict(playbook):
    play = playbook(rule("auth-line", act("proceed"), after=1))
    play >> "AUTH LOGIN" << "334"
    play >> b64("carol") << "334"
    play >> b64("secret") << "235"


def test_a_rule_may_admit_at_once(playbook):
    play = playbook(rule("auth", act("reply", Reply(235, ("Welcome",)))))
    play >> "AUTH KERBEROS" << "235 Welcome"
    assert play.session.authenticated
    play >> "NOOP" << "250"


def test_a_rule_may_prompt_where_no_mechanism_is_known(playbook):
    play = playbook(rule("auth", act("reply", Reply(334, ("aGk=",)))))
    play >> "AUTH KERBEROS" << "334"
    play >> "aGk=" << "501"
    play >> "NOOP" << "250"


def test_a_rule_may_keep_the_dialogue_open_beyond_its_end(playbook):
    play = playbook(rule("auth", act("reply", Reply(334, ("bW9yZQ==",)))))
    play >> f"AUTH PLAIN {PLAIN}" << "334"
    play >> "aGk=" << "235"
    assert play.session.user == "carol"


def test_beyond_the_end_of_a_dialogue_the_client_may_still_cancel(playbook):
    play = playbook(rule("auth", act("prompt", b"Password:")))
    play >> f"AUTH PLAIN {PLAIN}" << "334 UGFzc3dvcmQ6"
    play >> "*" << "501"
    play >> "NOOP" << "250"


def test_a_334_for_a_verdict_brings_the_error_and_then_the_login_has_failed(playbook):
    play = playbook(rule("auth-response", act("prompt", b'{"status":"400"}')))
    for answer, code in (("", "535"), ("*", "501"), ("rubbish", "535")):
        play >> f"AUTH PLAIN {PLAIN}" << "334 eyJzdGF0dXMiOiI0MDAifQ=="
        play >> answer << code
        assert not play.session.authenticated
        play >> "NOOP" << "250"


def test_wrong_credentials_that_a_rule_accepts(playbook):
    play = playbook(rule("auth-response", act("accept")), accounts={})
    play >> f"AUTH PLAIN {PLAIN}" << "235"
    assert play.session.user == "carol"


def test_silence_at_the_verdict_moves_nothing(playbook):
    play = playbook(rule("auth-response", act("silence")))
    play >> f"AUTH PLAIN {PLAIN}"
    assert not play.session.authenticated
    play >> "NOOP" << "250"


def test_wrong_passwords_are_told_from_right_ones(playbook):
    refused = rule("auth-response", act("reply", Reply(535, ("wrong",))), when={"wrong-password": True})
    play = playbook(refused, accounts={"carol": "secret"})
    play >> "AUTH LOGIN" << "334"
    play >> b64("carol") << "334"
    play >> b64("guess") << "535 wrong"
    play >> "AUTH LOGIN" << "334"
    play >> b64("carol") << "334"
    play >> b64("secret") << "235"
