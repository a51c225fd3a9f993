"""The Kubernetes API, as far as this program uses it: one Lease."""

from autoscaler.kubernetes.lease import KubernetesLease, connect

__all__ = ["KubernetesLease", "connect"]
