"""What an Acronis vmProtect product shows its user when a notification mail fails (the article's messages 1 to 8)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Final

from .order import Order, read_order

MESSAGES: Final = {
    1: "認証が失敗しました。",
    2: "サーバーは DATA コマンドを受け付けることができません。",
    3: "不明なメール サーバーです。",
    4: "ソケットからの読み込み中に致命的なエラーが発生しました。",
    5: "メール サーバーが RFC への準拠を拒否しました。",
    6: "サーバーは送信者を受け入れることができません。",
    7: "サーバーがメールを拒否しました。",
    8: "メール サーバーに接続できませんでした。",
}
"""By the number that the article gives them."""


class DeliveryError(Exception):
    """A delivery failed; ``number`` is the article's."""

    def __init__(self, number: int) -> None:
        super().__init__(MESSAGES[number])
        self.number = number


def error_stack(order: Order, number: int) -> str:
    """The lines that the product shows: three that are the same for any failure, then the one that tells."""
    return "\n".join(
        [
            "コマンド 'send_test_email_message' 実行中にエラーが発生しました",
            "テスト メッセージの送信中にエラーが発生しました。",
            f"'{order.reverse_path}' から '{order.forward_paths[0]}'にメッセージを送信できませんでした"
            f"(SMTP '{order.host}:{order.port}')。",
            MESSAGES[number],
        ]
    )


def main(send: Callable[[Order], None]) -> int:
    """Deliver with ``send``: exit status 0, or 1 with the error stack on stderr."""
    order = read_order()
    try:
        send(order)
    except DeliveryError as error:
        sys.stderr.write(f"{error_stack(order, error.number)}\n")
        return 1
    return 0
