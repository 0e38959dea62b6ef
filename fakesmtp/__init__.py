"""fakesmtp: a fault-injecting test SMTP server for QA."""

__version__ = "0.1.0.dev0"
