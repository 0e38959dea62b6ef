"""Drivers of real SMTP clients, mail servers among them, and of imitations; raw servers that they are tried against."""
