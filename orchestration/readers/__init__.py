"""Readers: raw bytes of one file to typed rows, by contract, in a process of its own.

`parse.py` runs one file from private copy to lake file; one module per format hands
over its records as text, `typed.py` turns text into types, `worker.py` is the child
process. Not here: claiming files and the ledger (`orchestration/ingest.py`).
"""
