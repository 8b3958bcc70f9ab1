"""An app that declares the ten-column table of Django Simple Queue's development line, under that app's label."""
