"""The clients' types and methods, made from `docs/openapi.yaml`: `python -m dev.clients`.

What is made is committed, because clients are installed from the tree; `tests/clients` fails
where it is not what the description says.
"""
