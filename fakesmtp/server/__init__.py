"""The Twisted side: listeners, the protocol that drives a session, the virtual clock."""
