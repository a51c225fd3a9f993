"""The Kubernetes API, as far as this program uses it: its Leases."""

from autoscaler.kubernetes.board import KubernetesBoard
from autoscaler.kubernetes.lease import KubernetesLease, connect

__all__ = ["KubernetesBoard", "KubernetesLease", "connect"]
