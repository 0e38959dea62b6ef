"""SMTP itself, without I/O: events come in, actions go out.

Start reading at :mod:`fakesmtp.protocol.session`.
"""
