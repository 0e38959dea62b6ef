"""Messages of clients, judged by what documents and catalogues give for the failure that the journal shows."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import pytest

from fakesmtp.scenario import library
from fakesmtp.scenario.model import Documented
from fakesmtp.verdict import catalogue
from fakesmtp.verdict.comparing import side_by_side
from fakesmtp.verdict.messages import MessageJudgement, judge_message
from fakesmtp.verdict.normalising import clean, fold, width
from tests.clients.acronis import MESSAGES

from .article import MEETINGS, PRODUCT, documented
from .meeting import Meeting, Served

STACK = """\
コマンド 'send_test_email_message' 実行中にエラーが発生しました
テスト メッセージの送信中にエラーが発生しました。
'sender@example.test' から 'recipient@example.test'にメッセージを送信できませんでした(SMTP '127.0.0.1:25')。
"""
"""What the product shows whatever has failed."""
SENDER_REFUSED = MESSAGES[6]


def entry(sequence: int, kind: str, stage: str | None, text: str, **facts: Any) -> dict[str, Any]:
    return {
        "time": "2026-11-21T10:05:00.000000+09:00",
        "elapsed": 0.0,
        "session": 1,
        "sequence": sequence,
        "schema": 1,
        "kind": kind,
        "stage": stage,
        "text": text,
        "rules": [],
        **facts,
    }


def conversation(*said: tuple[str, str, str]) -> list[dict[str, Any]]:
    """A session by command, stage and reply; then both sides leave."""
    events = [entry(0, "connected", None, "127.0.0.1:40000", listener="smtp", peer="127.0.0.1")]
    for command, stage, reply in said:
        if command:
            events.append(entry(len(events), "command", stage, command))
        events.append(entry(len(events), "reply", stage, reply, code=int(reply[:3])))
    events.append(entry(len(events), "closed", None, "closed by the client, FIN", by="client", how="fin"))
    return [*events, entry(len(events), "closed", None, "the connection is over", over=True)]


GREETED = (("", "greeting", "220 mx.example.test ESMTP"), ("EHLO client", "ehlo", "250 mx.example.test"))
REFUSED = conversation(*GREETED, ("MAIL FROM:<a@b.example>", "mail", "550 5.7.1 Sender refused"))
DELIVERED = [
    *conversation(*GREETED, ("MAIL FROM:<a@b.example>", "mail", "250 2.1.0 OK"))[:-2],
    entry(8, "message", "end-of-data", "message 1: delivered", disposition="delivered"),
]


def judge(
    text: str, *, scenario: str = "reject-mail-from", events: Sequence[Any] = REFUSED, **how: Any
) -> MessageJudgement:
    return judge_message(library.load(scenario), events, text, **how)


def acronis(text: str, language: str | None = "ja") -> MessageJudgement:
    return judge(text, product=PRODUCT, language=language)


# ---------------------------------------------------------------------- the article


def test_every_scenario_of_the_article_is_met() -> None:
    assert {meeting.scenario for _, meeting in MEETINGS} == set(documented())


@pytest.mark.parametrize(("client", "meeting"), MEETINGS, ids=lambda each: getattr(each, "scenario", each))
def test_the_client_of_the_article_shows_its_message(served: Served, client: str, meeting: Meeting) -> None:
    text, events = served.meet(client, meeting)
    scenario = library.load(meeting.scenario)
    judgement = judge_message(scenario, events, text, product=PRODUCT, language="ja")
    assert judgement.passed, judgement.render()
    last = text.splitlines()[-1]
    documented = {each.message.get("ja") for each in of_article(meeting.scenario)}
    assert last not in documented or judge_message(scenario, events, text).passed, "without the product's name too"
    right = judge_message(scenario, events, "", product=PRODUCT, language="ja").expected
    for other in set(MESSAGES.values()) - {each.wording.text for each in right}:
        wrong = text.replace(last, other)
        assert not judge_message(scenario, events, wrong, product=PRODUCT, language="ja").passed, wrong


def of_article(scenario: str) -> list[Documented]:
    return [each for each in library.load(scenario).documents if each.document == PRODUCT]


def test_a_wrong_message_is_shown_beside_the_right_one(served: Served) -> None:
    text, events = served.meet("article", Meeting("reject-mail-from"))
    wrong = re.sub(r":\d+'", ":25'", text).replace(SENDER_REFUSED, MESSAGES[7])
    judgement = judge_message(library.load("reject-mail-from"), events, wrong, product=PRODUCT, language="ja")
    place = judgement.expected[0].wording.place
    assert not judgement.passed
    # Each Japanese character is two columns wide, so two columns are marked for it.
    assert judgement.render() == (
        f"this is not the message that acronis-vmprotect documents for reject-mail-from\n"
        f"({place.short}): it is the one for message-refused\n"
        f"MAIL <sender@example.test> was answered '550 5.7.1 <sender@example.test>: sender refused by local\n"
        f"policy' (session {events[0]['session']})\n"
        "\n"
        "expected                                         │ shown\n"
        "サーバーは送信者を受け入れることができません。   │ サーバーがメールを拒否しました。\n"
        "        ^^^^^^^^  ^^^^^^^^^^^^^^^^^^^^  ^^^^     │         ^^^^^^^^  ^^^^^^  ^^^^\n"
        "\n"
        "all that the client has shown:\n"
        "  コマンド 'send_test_email_message' 実行中にエラーが発生しました\n"
        "  テスト メッセージの送信中にエラーが発生しました。\n"
        "  'sender@example.test' から 'recipient@example.test'にメッセージを送信できませんでした(SMTP\n"
        "  '127.0.0.1:25')。\n"
        "  サーバーがメールを拒否しました。"
    )


# ---------------------------------------------------------------------- what makes no difference


@pytest.mark.parametrize(
    "shown",
    [
        SENDER_REFUSED,
        STACK + SENDER_REFUSED,
        "サーバーは送信者を\r\n受け入れることができません。\r\n",
        "ｻｰﾊﾞｰは送信者を受け入れることができません｡",
        "サーバー　は　送信者 を受け入れることができません．",
        "サーバーは\N{ZERO WIDTH SPACE}送信者を受け入れることができません。",
        "\x1b[31mサーバーは送信者を受け入れることができません。\x1b[0m",
        f"6) {SENDER_REFUSED}",
        f"2026-11-21 10:05:00 [ERROR] {SENDER_REFUSED}",
        f"{SENDER_REFUSED}\n{STACK}",
        "サーハ\u3099ーは送信者を受け入れることができません。",
    ],
)
def test_it_is_the_same_message(shown: str) -> None:
    judgement = acronis(shown)
    assert judgement.passed, judgement.render()
    assert judgement.render() == "this is the message that acronis-vmprotect documents for reject-mail-from"


@pytest.mark.parametrize(
    "shown",
    [
        "",
        " \n\n",
        STACK,
        MESSAGES[7],
        f"{SENDER_REFUSED}\n{MESSAGES[7]}",
        "サーバーは送信者を受け入れることができます。",
        f"{SENDER_REFUSED}のではありません。",
        f"いつも{SENDER_REFUSED}",
        "サーバーは受信者を受け入れることができません。",
    ],
)
def test_it_is_another_message(shown: str) -> None:
    assert not acronis(shown).passed


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ＤＡＴＡ　コマンド", "data コマンド"),
        ("RFC への準拠", "RFCへの準拠"),
        ("「送信者」", "“送信者”"),
        ("Server won’t  accept\n sender", "server won't accept sender"),
        ("ｶﾞｷﾞﾊﾟ", "ガギパ"),
        ("Ｅ－ｍａｉｌ", "E-mail"),
        ("a\tb", "a b"),
        ("STRASSE", "straße"),
    ],
)
def test_folding(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("can not", "cannot"),
        ("ハハ", "パパ"),
        ("サーバ", "サーバー"),
        ("DATA コマンド", "RCPT コマンド"),
        ("1 2", "12"),
    ],
)
def test_folding_keeps_what_differs(one: str, other: str) -> None:
    assert fold(one) != fold(other)


def test_cleaning_takes_away_what_is_not_shown() -> None:
    assert clean("\x1b]0;title\x07a\x1b[1;31mb\x00c\r\nd\re\ufeff") == "ab\N{REPLACEMENT CHARACTER}c\nd\ne"


# ---------------------------------------------------------------------- languages and products


def test_the_language_is_asked_for() -> None:
    english = "The server cannot accept the sender."
    assert acronis(english, "en").passed
    assert acronis(english, "en-GB").passed
    assert acronis(english, None).passed
    assert not acronis(english, "ja").passed
    assert acronis(SENDER_REFUSED, "ja_JP").passed


def test_a_language_without_a_message_is_said() -> None:
    judgement = acronis("MAIL: 550 5.7.1 Sender refused", "fr")
    assert judgement.passed
    judgement = acronis("désolé", "fr")
    assert not judgement.passed
    assert "no message of acronis-vmprotect in 'fr' (there is en, ja) is documented" in judgement.sentence


def test_without_a_product_a_message_is_documented_or_names_the_failure() -> None:
    assert judge(SENDER_REFUSED).passed
    assert judge("curl: (55) MAIL failed: 550").passed
    assert judge("Could not send: the sender was rejected (550)").passed
    assert not judge("Could not send the mail").passed
    assert not judge("RCPT failed: 550").passed
    assert not judge("The sender was rejected").passed


def test_where_nothing_is_documented_it_must_name_the_failure() -> None:
    judgement = judge("Could not send the mail", scenario="rate-limited")
    assert not judgement.passed
    assert (
        judgement.render()
        == (
            "no message is documented for rate-limited, and it names neither the reply code (550) nor the\n"
            "server's text, and not the stage (mail)\n"
            "MAIL <a@b.example> was answered '550 5.7.1 Sender refused' (session 1)\n"
            "\n"
            "0 of 5: does not tell stage (mail), code (550), enhanced (5.7.1), text (5.7.1 Sender refused),\n"
            "address (a@b.example)\n"
            "\n"
            "all that the client has shown:\n"
            "  Could not send the mail"
        )
        or judgement.telling is not None
    )
    assert "names neither the reply code (550) nor the server's text, and not the stage (mail)" in judgement.sentence


def test_a_product_of_one_s_own_needs_no_catalogue() -> None:
    assert judge("the sender was refused: 550", product="our-app").passed
    assert not judge("it did not work", product="our-app").passed


def test_a_misspelt_product_is_no_product() -> None:
    with pytest.raises(catalogue.UnknownCatalogue) as caught:
        judge("x", product="acronis-vmprotekt")
    assert str(caught.value) == "there is no catalogue of 'acronis-vmprotekt'; did you mean 'acronis-vmprotect'?"


def test_where_nothing_has_failed_no_message_is_right() -> None:
    judgement = judge("sent", scenario="healthy", events=DELIVERED)
    assert not judgement.passed
    assert judgement.sentence == "nothing has failed in healthy, so there is no message to expect"


def test_a_catalogue_that_is_given_holds() -> None:
    own = catalogue.read(
        "product: our-app\nlanguages: [en]\nfailures: {sender-refused: 'Who are you? ({code})'}"
    ).require()
    assert judge("Error: Who are you? (550)", catalogues=[own]).passed
    judgement = judge("MAIL failed: 550", catalogues=[own])
    assert not judgement.passed, "it names the failure, and is not what the product documents"
    assert "that our-app documents for reject-mail-from" in judgement.sentence
    assert judge("Who are you? (550)", catalogues=[own], product="our-app").passed
    assert judge("MAIL failed: 550", catalogues=[own], product="another").passed


# ---------------------------------------------------------------------- side by side


def test_long_english_is_wrapped_and_marked_by_words() -> None:
    own = catalogue.read(
        "product: our-app\nfailures: {sender-refused: 'The notification was not sent because the mail server does not "
        "accept the address of the sender, please check the settings'}"
    ).require()
    shown = (
        "The notification was not sent because the mail server does not accept the address of the recipient,"
        " please check the address"
    )
    judgement = judge(shown, catalogues=[own])
    assert judgement.render() == (
        "this is not the message that our-app documents for reject-mail-from (<catalogue>:2)\n"
        "MAIL <a@b.example> was answered '550 5.7.1 Sender refused' (session 1)\n"
        "\n"
        "expected                                         │ shown\n"
        "The notification was not sent because the mail   │ The notification was not sent because the mail\n"
        "server does not accept the address of the        │ server does not accept the address of the\n"
        "sender, please check the settings                │ recipient, please check the address\n"
        "^^^^^^                   ^^^^^^^^                │ ^^^^^^^^^                   ^^^^^^^"
    )


def test_columns_are_aligned_whatever_the_width_of_letters() -> None:
    for expected in (*MESSAGES.values(), "short", "ｻｰﾊﾞｰは half width"):
        table = side_by_side(expected, MESSAGES[5] * 3, width=60).splitlines()
        assert {width(line.partition("│")[0]) for line in table} == {29}
        assert all(width(line) <= 60 for line in table)


def test_what_differs_in_width_alone_is_not_marked() -> None:
    assert "^" not in side_by_side("ＤＡＴＡ コマンド。", "data　ｺﾏﾝﾄﾞ｡")


def test_a_pattern_is_shown_with_the_reply_in_it() -> None:
    judgement = judge("curl: (55) RCPT failed: 550", product="curl")
    assert "matches: ^curl: \\(55\\) MAIL failed: 550$" in judgement.render()
    assert judgement.sentence.endswith(": it is the one for recipient-refused")


@pytest.mark.parametrize("text", ["x" * 200_000, "あ" * 200_000, "line\n" * 50_000, "\x1b[" * 50_000])
def test_very_long_output_is_bounded(text: str) -> None:
    rendered = acronis(text).render()
    assert len(rendered) < 10_000


def test_it_can_be_sent_as_json() -> None:
    written = json.loads(json.dumps(acronis(MESSAGES[7]).as_dict(), ensure_ascii=False))
    assert written["passed"] is False
    assert written["shown"] == MESSAGES[7]
    assert [each["text"] for each in written["expected"]] == [SENDER_REFUSED]
    assert written["expected"][0]["place"]["line"] > 0
    assert written["rendered"].startswith("this is not the message")
    undocumented = judge("no", scenario="rate-limited").as_dict()
    assert undocumented["telling"]["score"] == 0
