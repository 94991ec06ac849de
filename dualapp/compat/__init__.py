"""Hide the differences between versions of Flask, Werkzeug, Quart, asgiref and Python, and their private names.

Every package may import this one; it imports nothing of dualapp.
"""
