"""The versions of the schema, by what each has brought. Each is complete in itself, and has all that came before."""

#: Columns for retries, delays, priorities and queues; the tables of queues, attempts and workers.
LEVEL_1 = 1
#: The tables of unique keys, periodic tasks, and chores that one worker does for all.
ONCE = 2
#: Columns and tables for tasks that have to do with others: limits, and what runs after what.
LINKED = 3

NEWEST = LINKED
