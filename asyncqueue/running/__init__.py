"""Running one task: finding its function, reading its arguments, calling it, and keeping what it leaves."""
