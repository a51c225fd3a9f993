"""The Kubernetes API, as far as this program uses it: a Lease, and objects of its own kind."""

from autoscaler.kubernetes.cluster import Cluster, connect
from autoscaler.kubernetes.lease import KubernetesLease
from autoscaler.kubernetes.resources import KubernetesResources

__all__ = ["Cluster", "KubernetesLease", "KubernetesResources", "connect"]
