"""`python -m orchestration …` is `takt …`."""

from orchestration.cli import main

if __name__ == "__main__":
    main()
