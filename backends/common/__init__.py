"""What the backends of several databases share."""
