"""The command line `dualapp`, or `python -m dualapp`: Flask's, with `routes` that knows both entries."""

import click
from flask.cli import FlaskGroup

from .routes import routes_command

main = FlaskGroup(
    name="dualapp",
    add_version_option=False,
    help="""The command line of a DualApp, with the commands of the app and of Flask's extensions.

    The app is given with the option '--app', in the environment variable 'FLASK_APP', or is in a file 'wsgi.py' or
    'app.py' in this directory.
    """,
)
main.add_command(routes_command)
click.version_option(package_name="dualapp", message="%(package)s %(version)s")(main)

if __name__ == "__main__":
    main()
