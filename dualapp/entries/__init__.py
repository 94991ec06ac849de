"""Where servers come in: WSGI, ASGI, and the client that leaves.

An entry makes an exchange, has the pipeline answer it where the plan says, and sends the response in the words of its
protocol. Only the app imports it; the two entries do not know one another.
"""
