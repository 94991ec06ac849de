"""The built site: it is complete, and its search finds what it should."""
