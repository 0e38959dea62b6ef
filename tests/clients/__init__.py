"""Drivers of real SMTP clients, two imitations, and the raw servers that they are tried against."""
