"""What the custom resource is called; the daemon, the chart and the tests all take it from here."""

from __future__ import annotations

from autoscaler.ports import ResourceKind

GROUP = "autoscaler.everai.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "WorkerAutoscaler"
PLURAL = "workerautoscalers"
SINGULAR = "workerautoscaler"
SHORT_NAME = "was"
CUSTOM_RESOURCE = ResourceKind(GROUP, VERSION, KIND, PLURAL)
DEFINITION_NAME = f"{PLURAL}.{GROUP}"
"""Name of the CustomResourceDefinition object."""

MARK_ANNOTATION = f"{GROUP}/schema"
"""Annotation of the definition: a hash of its content, see ``schema_mark``."""

PROGRAM_ANNOTATION = f"{GROUP}/program-version"
"""Annotation of the definition: version of the program that wrote it."""
