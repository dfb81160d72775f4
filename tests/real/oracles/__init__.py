"""Plain-Python answers that the published marts must equal.

An oracle reads the raw file itself with the standard library and shares no code
with the product: a mistake would have to be made twice to go unseen.
"""
