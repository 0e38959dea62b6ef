"""The suite, with nothing but unittest: one server for the class, and a scenario for each test.

Run it with ``python3 -m unittest``.
"""

from __future__ import annotations

import unittest

from invoices import Invoice, send_invoice

from fakesmtp import FakeSMTP

INVOICE = Invoice("2026-17", ("ada@example.test", "bob@example.test"), b"%PDF-1.7 one hundred euros")


class InvoicesAreSent(unittest.TestCase):
    """What is the book-keeper told?"""

    smtp: FakeSMTP

    @classmethod
    def setUpClass(cls) -> None:
        cls.smtp = cls.enterClassContext(FakeSMTP())

    def play(self, scenario: str) -> list[str]:
        """Send the invoice while this goes wrong."""
        self.smtp.scenario(scenario)
        return send_invoice(INVOICE, self.smtp.host, self.smtp.port)

    def test_the_file_arrives_as_it_was(self) -> None:
        told = self.play("healthy")
        self.assertEqual(told, ["Invoice 2026-17 was sent to ada@example.test, bob@example.test."])
        (message,) = self.smtp.messages
        (file,) = message.attachments
        self.assertEqual((file.name, file.content), ("invoice-2026-17.pdf", INVOICE.pdf))

    def test_one_of_two_customers_is_refused(self) -> None:
        sent, refused = self.play("one-recipient-refused")
        self.assertEqual(sent, "Invoice 2026-17 was sent to ada@example.test.")
        self.assertIn("bob@example.test was refused: 550", refused)
        self.assertEqual([each.forward_paths for each in self.smtp.messages], [["ada@example.test"]])

    def test_a_server_that_takes_no_files_is_quoted(self) -> None:
        (told,) = self.play("reject-attachments")
        self.smtp.assert_client_message(told)
        self.assertEqual(self.smtp.messages, [])

    def test_a_server_that_is_full_is_quoted(self) -> None:
        (told,) = self.play("insufficient-storage")
        self.assertIn("452 4.3.1", told)

    def test_a_server_that_is_down_is_named(self) -> None:
        (told,) = self.play("refuse-connect")
        self.assertIn(f"The mail server at {self.smtp.host}:{self.smtp.port} cannot be used", told)
        self.assertEqual(self.smtp.sessions, [])


if __name__ == "__main__":
    unittest.main()
