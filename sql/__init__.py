"""The SQL of asyncqueue, one statement a file: `<dialect>/<statement>.sql`; see `asyncqueue.backends.statements`."""
