"""Notes: free text out of the encrypted bytes, scrubbed of identifiers, and landed as a feed of its own.

What does not belong here: the readers of feeds, and who asks for it (steps/intake/notes.py). presidio and its
model are imported by engine.py and scrubber.py alone, and only where a note is scrubbed.
"""
