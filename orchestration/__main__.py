"""`python -m orchestration …` is `takt …`."""

from orchestration.cli import main

main()
