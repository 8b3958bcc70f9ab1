"""The SQL of asyncqueue, one statement a file: `<dialect>/<statement>.sql`. `asyncqueue.backends.statements` reads it."""
