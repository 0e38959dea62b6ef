"""Servers that stand beside SMTP: a name server, and mailboxes."""
