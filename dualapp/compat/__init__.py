"""What differs between the versions of Flask, Werkzeug, Quart, asgiref and Python, and their private names.

Everything may import it; it imports nothing of dualapp.
"""
