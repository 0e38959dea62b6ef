"""The words by which clients name a stage of SMTP, or what went wrong below it: English and Japanese.

They were read off what real clients print. A word that is in every message of failure ("message", "send") names no
stage, and neither does one that merely contains a stage's name: addresses and file names are taken out before.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Final

# Each is a list of regular expressions with " | " between them, in any case of letters unless they say otherwise.
_TLS: Final = "starttls | e?tls | ssl | encrypt\\w* | secure connection | 暗号"
_HANDSHAKE: Final = f"{_TLS} | handshake | certificates? | cert | 証明書 | ハンドシェイク | ハンドシェーク"
_DATA: Final = "(?-i:DATA) | data (?:command|error|failed|phase|stage) | mail data"
_MESSAGE: Final = "(?:message|(?:e-?)?mail|content)"
_OF_STAGES: Final[dict[str, str]] = {
    "greeting": "greetings? | banner | initial ok | initial response | welcome | connect | econnection | rfc"
    " | グリーティング | バナー | 挨拶 | あいさつ | 接続",
    "ehlo": "ehlo | helo | lhlo | hello | rfc",
    "starttls": _TLS,
    "tls": _HANDSHAKE,
    "auth": "e?auth | authenticat\\w+ | authori[sz]\\w+ | sasl | log ?in | log ?on | credentials? | passwords?"
    " | user ?names? | 認証 | ログイン | ログオン | パスワード | ユーザー?名 | 資格情報",
    "mail": "mail from | (?-i:MAIL) | mail command | senders? | originator | envelope from | from address"
    " | return.path | reverse.path | 送信者 | 差出人 | 送信元 | 発信者",
    "rcpt": "rcpt(?: to)? | recipients? | addressees? | destination address(?:es)? | forward.path"
    " | 受信者 | 宛先 | あて先 | 宛て先 | 受取人 | 送信先",
    "data": f"{_DATA} | データ",
    "end-of-data": f"{_DATA} | end of (?:the )?(?:data|message|mail) | final dot | e?message failed"
    f" | {_MESSAGE} (?:was |has been )?(?:not accepted|refused|rejected|failed)"
    f" | (?:refused?|rejected|(?:not|n't) accept(?:ed)?) (?:the |your |this )?{_MESSAGE}"
    " | (?:メール|メッセージ|本文)[がをは].{0,12}拒否 | (?:メール|メッセージ)を受け(?:入れ|付け)",
}
_BELOW: Final[dict[str, str]] = {
    "connection": "connect(?:ing)? | connection | econn\\w+ | esocket | e?timedout | e?hostunreach | e?netunreach"
    " | unreachable | no route | timed? ?out | resolve | look ?up | locate host | unknown host | host not found"
    " | bad hostname | name or service not known | no address | getaddrinfo | enotfound | eai_again | e?dns | gaierror"
    " | unknown (?:mail )?server | 接続 | タイムアウト | 名前解決 | 不明なメール ?サーバー? | 到達 | ホスト",
    "closed": "connection | closed? | disconnect\\w* | reset | lost | eof | econn\\w+ | epipe | hung up | broken pipe"
    " | end of file | empty reply | reading failed | read error | recv failure"
    " | 切断 | 接続 | ソケット | 読み込み | 応答",
    "silence": "timed? ?out | e?timedout | no (?:reply|response|answer) | not respond\\w* | not answer\\w*"
    " | タイムアウト | 時間切れ | 応答 | ソケット | 読み込み",
    "garbage": "invalid | unexpected | weird | unknown (?:reply|response) | malformed | e?protocol | reading failed"
    " | not (?:an )?smtp | bad (?:reply|response|greeting) | rfc | 不正な | プロトコル",
    "tls": _HANDSHAKE,
}
_SAME: Final = {"bdat": "end-of-data"}
_ASIDE: Final = re.compile(r"(?<![\w.+=~-])[\w.+=~-]{1,64}@[\w.-]+|(?:[A-Za-z]:)?(?:[/\\][\w.+-]+){2,}", re.ASCII)
"""Addresses and paths of files, which may contain any word."""
_HUMPS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
"""Where a word begins in ``SMTPRecipientsRefused``."""


@lru_cache(maxsize=64)
def name_stage(text: str, stage: str, kind: str) -> str | None:
    """How the text names this stage, or what went wrong below it; ``None``: it does not.

    :param stage: the journal's word.
    :param kind: of a :class:`~fakesmtp.verdict.setbacks.Setback`.
    """
    plain = _HUMPS.sub(" ", _ASIDE.sub(" ", text))
    for words in (_OF_STAGES.get(_SAME.get(stage, stage)), _BELOW.get(kind)):
        found = _pattern(words).search(plain) if words is not None else None
        if found:
            return found[0]
    return None


@cache
def _pattern(words: str) -> re.Pattern[str]:
    """Any of the words by itself, and not as a part of another one."""
    any_of = "|".join(f"(?:{word})" for word in words.split(" | "))
    return re.compile(rf"(?<![A-Za-z-])(?:{any_of})(?![A-Za-z])", re.IGNORECASE)
