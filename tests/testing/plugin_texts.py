"""What runs of the plugin's suites print, with times and ports as words."""

# ruff: noqa: E501

MARKERS = """\
test_mail.py:12: @pytest.mark.fakesmtp: there is no keyword 'sed'; did you mean 'seed'?
test_mail.py:16: @pytest.mark.fakesmtp: seed is a whole number from 0, or None, not 'one'
test_mail.py:20: @pytest.mark.fakesmtp: speed is a factor above 0 such as 10 or '10x', or None, not -1
test_mail.py:27: @pytest.mark.fakesmtp: unknown scenario 'greylistin'; did you mean 'greylisting'?
test_mail.py:33: @pytest.mark.fakesmtp: it takes one scenario; @pytest.mark.fakesmtp_each(names=[…]) runs a test with several
test_mail.py:37: @pytest.mark.fakesmtp: --set rules.frist-try.chance:1:1: no rule is named 'frist-try'; did you mean 'first-try'?
    1
    ^
"""

SEEN = """\
test_mail.py:17: in test_delivers
    assert fakesmtp.messages
E   assert []
E    +  where [] = <FakeSMTP mailbox-full at 127.0.0.1:PORT>.messages
----------------------------------- fakesmtp -----------------------------------
fakesmtp: scenario mailbox-full, seed 1, at 127.0.0.1:PORT

session 1, 127.0.0.1:PORT at smtp, scenario mailbox-full, DATE
    TIME  S: 220 mx.example.test ESMTP Postfix
    TIME  C: ehlo client.example.test
    TIME  S: 250-mx.example.test
           S: 250 8BITMIME
    TIME  C: mail FROM:<alice@example.test>
    TIME  S: 250 2.1.0 Ok
    TIME  C: rcpt TO:<bob@example.test>
    TIME  S: 552 5.2.2 <bob@example.test> Quota exceeded (mailbox for user is full)  # over-quota (mailbox-full.yaml:8)
    TIME  C: rset
    TIME  S: 250 2.0.0 Ok
    TIME  C: QUIT
    TIME  S: 221 2.0.0 Bye
    TIME  S: (closed by the server, FIN)

Run the test again:
  pytest test_mail.py::test_delivers --fakesmtp-seed 1
Try the server by hand:
  fakesmtp serve mailbox-full --seed 1 --speed 2 --persona postfix --set 'capabilities=[8BITMIME]'
"""

JUDGED = """\
the client has not done what scenario polite expects (seed 1)

scenarios/polite.yaml:11: expectation failed: commands
    expected  never RSET
    happened  1 command
              rset in session 1 at CLOCK

    session 1, 127.0.0.1:PORT at smtp, scenario polite, DATE
          …  (3 entries)
        TIME  C: mail FROM:<alice@example.test>
        TIME  S: 250 2.1.0 Sender OK
        TIME  C: rcpt TO:<bob@example.test>
        TIME  S: 552 5.2.2 Full                  # full (scenarios/polite.yaml:5)
      > TIME  C: rset
        TIME  S: 250 2.0.0 OK
        TIME  C: quit
          …  (3 entries)

1 of 2 expectations failed
----------------------------------- fakesmtp -----------------------------------
fakesmtp: scenario polite, seed 1, at 127.0.0.1:PORT

session 1, 127.0.0.1:PORT at smtp, scenario polite, DATE
    TIME  S: 220 mx.example.test ESMTP fakesmtp
    TIME  C: ehlo client.example.test
    TIME  S: 250-mx.example.test
           S: 250 8BITMIME
    TIME  C: mail FROM:<alice@example.test>
    TIME  S: 250 2.1.0 Sender OK
    TIME  C: rcpt TO:<bob@example.test>
    TIME  S: 552 5.2.2 Full                      # full (scenarios/polite.yaml:5)
    TIME  C: rset
    TIME  S: 250 2.0.0 OK
    TIME  C: quit
    TIME  S: 221 2.0.0 mx.example.test Service closing transmission channel
    TIME  S: (closed by the server, FIN)

Run the test again:
  pytest test_mail.py::test_rude --fakesmtp-seed 1
Try the server by hand:
  fakesmtp serve polite --seed 1
"""

FAILED_AND_JUDGED = """\
test_mail.py:32: in test_failing_too
    raise ValueError("of the test's own")
E   ValueError: of the test's own
----------------------------------- fakesmtp -----------------------------------
fakesmtp: scenario polite, seed 1, at 127.0.0.1:PORT

session 1, 127.0.0.1:PORT at smtp, scenario polite, DATE
    TIME  S: 220 mx.example.test ESMTP fakesmtp
    TIME  C: ehlo client.example.test
    TIME  S: 250-mx.example.test
           S: 250 8BITMIME
    TIME  C: mail FROM:<alice@example.test>
    TIME  S: 250 2.1.0 Sender OK
    TIME  C: rcpt TO:<bob@example.test>
    TIME  S: 552 5.2.2 Full                      # full (scenarios/polite.yaml:5)
    TIME  C: rset
    TIME  S: 250 2.0.0 OK
    TIME  C: quit
    TIME  S: 221 2.0.0 mx.example.test Service closing transmission channel
    TIME  S: (closed by the server, FIN)

scenarios/polite.yaml:11: expectation failed: commands
    expected  never RSET
    happened  1 command
              rset in session 1 at CLOCK

    session 1, 127.0.0.1:PORT at smtp, scenario polite, DATE
          …  (3 entries)
        TIME  C: mail FROM:<alice@example.test>
        TIME  S: 250 2.1.0 Sender OK
        TIME  C: rcpt TO:<bob@example.test>
        TIME  S: 552 5.2.2 Full                  # full (scenarios/polite.yaml:5)
      > TIME  C: rset
        TIME  S: 250 2.0.0 OK
        TIME  C: quit
          …  (3 entries)

1 of 2 expectations failed

Run the test again:
  pytest test_mail.py::test_failing_too --fakesmtp-seed 1
Try the server by hand:
  fakesmtp serve polite --seed 1
"""

TWO = """\
test_mail.py:15: in test_two
    assert False
E   assert False
----------------------------------- fakesmtp -----------------------------------
fakesmtp: scenario healthy, seed 5, at 127.0.0.1:PORT

(nobody has connected)

Try the server by hand:
  fakesmtp serve healthy --seed 5
----------------------------------- fakesmtp -----------------------------------
fakesmtp_factory: scenario works-now-and-then, seed 3, at 127.0.0.1:PORT

(nobody has connected)

Run the test again:
  pytest test_mail.py::test_two
Try the server by hand:
  fakesmtp serve works-now-and-then --seed 3
"""

CHANGED = """\
test_mail.py:16: in test_changed
    assert False
E   assert False
----------------------------------- fakesmtp -----------------------------------
fakesmtp: scenario greylisting, seed 6, at 127.0.0.1:PORT

(nobody has connected)

Run the test again:
  pytest test_mail.py::test_changed --fakesmtp-seed 1 --fakesmtp-speed 10
Try the server by hand:
  fakesmtp serve greylisting --seed 6 --speed 10
"""

BUILT = """\
test_mail.py:20: in test_built
    assert False
E   assert False
----------------------------------- fakesmtp -----------------------------------
fakesmtp: scenario built, seed 1, at 127.0.0.1:PORT

(nobody has connected)

Run the test again:
  pytest test_mail.py::test_built --fakesmtp-seed 1 --fakesmtp-speed 10
"""

UNKNOWN = """\
test_mail.py:13: in test_unknown
    fakesmtp_factory("greylistin")
E   fakesmtp.testing.errors.UnknownName: unknown scenario 'greylistin'; did you mean 'greylisting'?
"""

DIED_UNSEEN = """\
the server was ended by SIGKILL, and nobody has stopped it; it said:
fakesmtp: healthy on smtp 127.0.0.1:PORT starttls; seed 1
fakesmtp: control interface at http://127.0.0.1:PORT
fakesmtp: stop with Ctrl-C
----------------------------------- fakesmtp -----------------------------------
fakesmtp: scenario healthy, seed 1, at 127.0.0.1:PORT

the server was ended by SIGKILL, and nobody has stopped it; it said:
fakesmtp: healthy on smtp 127.0.0.1:PORT starttls; seed 1
fakesmtp: control interface at http://127.0.0.1:PORT
fakesmtp: stop with Ctrl-C

Run the test again:
  pytest test_mail.py::test_dies_unseen --fakesmtp-seed 1
Try the server by hand:
  fakesmtp serve healthy --seed 1
"""

DIED = """\
test_mail.py:21: in test_dies
    assert False
E   assert False
----------------------------------- fakesmtp -----------------------------------
fakesmtp: scenario healthy, seed 1, at 127.0.0.1:PORT

the server was ended by SIGKILL, and nobody has stopped it; it said:
fakesmtp: healthy on smtp 127.0.0.1:PORT starttls; seed 1
fakesmtp: control interface at http://127.0.0.1:PORT
fakesmtp: stop with Ctrl-C

Run the test again:
  pytest test_mail.py::test_dies --fakesmtp-seed 1
Try the server by hand:
  fakesmtp serve healthy --seed 1
"""

NOT_STARTED = """\
fakesmtp: --plugin no_such_module: there is no module 'no_such_module'; HERE and the modules of PYTHON were looked through
"""

LISTS = """\
E   AssertionError: assert nothing came, but 1 did:
E     <Message 00001001 of session 1: <alice@example.test> for <bob@example.test>, subject 'Report', 33 octets, delivered>
E   assert nothing came, but 1 did:
E     <Session 1 of 127.0.0.1: 1 command, over>
E   IndexError: there is no message [0], as none has come
E   (nobody has connected)"""
