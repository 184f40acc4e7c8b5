"""One XML element → records, plain and complete; `fast_text.py` has the fast way for regular ones.

Element names and their variations: docs/commerceml.md, 1.3 to 1.5.
"""
