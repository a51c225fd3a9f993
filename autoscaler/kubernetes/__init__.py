"""The Kubernetes API, as far as this program uses it: Leases, and objects of its own kind."""

from autoscaler.kubernetes.board import KubernetesBoard
from autoscaler.kubernetes.cluster import Cluster, connect
from autoscaler.kubernetes.lease import KubernetesLease
from autoscaler.kubernetes.resources import KubernetesResources

__all__ = ["Cluster", "KubernetesBoard", "KubernetesLease", "KubernetesResources", "connect"]
