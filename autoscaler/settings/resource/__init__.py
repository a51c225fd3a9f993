"""An app as a Kubernetes object: what the kind ``WorkerAutoscaler`` looks like.

Pure: nothing here talks to a cluster. The definition is made from the models of the configuration
file, so that a key that the file has cannot be missing in the object.
"""

from autoscaler.settings.resource.definition import Age, age_of, definition, schema_mark
from autoscaler.settings.resource.given import Base, check_app
from autoscaler.settings.resource.judging import Judge, Judged, LastGood, Readiness, Verdict
from autoscaler.settings.resource.names import (
    API_VERSION,
    CUSTOM_RESOURCE,
    DEFINITION_NAME,
    GROUP,
    KIND,
    MARK_ANNOTATION,
    PLURAL,
    PROGRAM_ANNOTATION,
    SHORT_NAME,
    VERSION,
)

__all__ = [
    "API_VERSION",
    "CUSTOM_RESOURCE",
    "DEFINITION_NAME",
    "GROUP",
    "KIND",
    "MARK_ANNOTATION",
    "PLURAL",
    "PROGRAM_ANNOTATION",
    "SHORT_NAME",
    "VERSION",
    "Age",
    "Base",
    "Judge",
    "Judged",
    "LastGood",
    "Readiness",
    "Verdict",
    "age_of",
    "check_app",
    "definition",
    "schema_mark",
]
