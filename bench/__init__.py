"""How fast, as ratios of things measured in the same run: `python -m bench`.

Absolute seconds say more about the machine than about Takt. Not here: whether the
results are right (`tests/`).
"""
