"""The databases asyncqueue runs on."""
