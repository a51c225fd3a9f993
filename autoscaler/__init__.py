"""Reconciling autoscaler for GPU inference apps on the EverAI platform."""

__version__ = "0.1.0"
