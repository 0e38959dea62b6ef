"""A real Postfix that relays by MX records of the DNS companion."""
