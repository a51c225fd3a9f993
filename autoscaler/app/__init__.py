"""Composition root: builds and wires the concrete objects, and runs them."""
