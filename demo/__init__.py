"""The demo company: a simulator that writes messy exports and the truth about them.

Here: simulation and writing. Not here: anything of the pipeline; the truth must
come from the simulator's own state.
"""

from demo.company import Summary, generate

__all__ = ["Summary", "generate"]
