"""``python -m honeyframe``: the command line."""

from honeyframe.cli import main

main()
