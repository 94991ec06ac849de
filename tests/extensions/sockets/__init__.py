"""Apps that talk over websockets with extensions and libraries of others; test_sockets.py serves them."""
