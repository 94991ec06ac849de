"""The commands of the command line `dualapp` that Flask's has not, or that know both entries.

Only `__main__` imports this package: no app needs it. It knows registered apps, and starts servers; no request.
"""
