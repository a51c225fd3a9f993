"""Reconciling: passes over apps, their pace, their supervision. No business arithmetic."""
