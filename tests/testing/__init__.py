"""Tests of asyncqueue.testing."""
