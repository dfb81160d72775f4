"""From one log file to a process pack: profile, propose, refuse, write.

`profile` reads the file with the readers of ingest, `propose` says which column plays
which part and why, `refuse` says what the data cannot support, `write` makes the files
of the pack. `steps` puts them together for the command line.
"""
