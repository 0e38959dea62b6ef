"""What is to be said of a client: its own account of a run, laid beside the journal of that run.

:mod:`~fakesmtp.verdict.exchanges` reads the journal as commands and their replies, :mod:`~fakesmtp.verdict.fates` as
transactions and what became of each recipient, :mod:`~fakesmtp.verdict.setbacks` as what stopped the client.
:mod:`~fakesmtp.verdict.telling` looks for these in what the client told its user, and
:mod:`~fakesmtp.verdict.verdict` gives the whole a name. All of them take entries of a live journal or of a recorded
one.
"""
