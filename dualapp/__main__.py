"""The command line `dualapp`, or `python -m dualapp`: Flask's, with commands that know both entries."""

import click

from .commands.app_argument import DualAppGroup
from .commands.check import check_command
from .commands.routes import routes_command
from .commands.run import run_command

main = DualAppGroup(
    name="dualapp",
    add_version_option=False,
    help="""The command line of a DualApp, with the commands of the app and of Flask's extensions.

    The app is given with the option '--app', in the environment variable 'FLASK_APP', or is in a file 'wsgi.py' or
    'app.py' in this directory.
    """,
)
for command in (run_command, check_command, routes_command):
    main.add_command(command)
click.version_option(package_name="dualapp", message="%(package)s %(version)s")(main)

if __name__ == "__main__":
    main()
