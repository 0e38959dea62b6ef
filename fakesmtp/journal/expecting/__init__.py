"""Expectations judged from a journal: one module for each group of them, over the same evidence."""
