"""Run the `flask` command line: `python -m dualapp --app hello run`."""

from flask.cli import main

if __name__ == "__main__":
    main()
