"""The SQL of asyncqueue: one statement per file, `<dialect>/<statement>.sql`.

`asyncqueue.backends.common.statements` loads them.
"""
