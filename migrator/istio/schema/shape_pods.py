"""Shapes of metadata, selectors, pods and templates: k8s.io/api core/v1 and apimachinery meta/v1."""

from .shape_types import ANY, IS, MAP, OBJECT, OBJECTS, STRS, B, I, Map, OneOf, Q, S

OWNER = {"apiVersion!": S, "kind!": S, "name!": S, "controller": B}
METADATA = {
    "name": S, "generateName": S, "namespace": S, "labels": MAP, "annotations": MAP,
    "generation": I, "creationTimestamp": S, "deletionTimestamp": S, "finalizers": STRS,
    "ownerReferences": [OWNER],
}  # fmt: skip
_OPERATOR = OneOf(("In", "NotIn", "Exists", "DoesNotExist"))
SELECTOR = {
    "matchLabels": MAP,
    "matchExpressions": [{"key": S, "operator": _OPERATOR, "values": STRS}],
}
CONDITION = {  # Istio writes its 64-bit numbers as text
    "type": S, "status": S, "reason": S, "message": S, "observedGeneration": IS,
    "lastTransitionTime": S,
}  # fmt: skip
CONDITIONS = [CONDITION]
HEADERS = [{"name": S, "value": S}]
HANDLER = {
    "httpGet": {"path": S, "port": IS, "scheme": S, "host": S, "httpHeaders": HEADERS},
    "tcpSocket": {"port": IS, "host": S},
    "grpc": {"port": I, "service": S},
    "exec": {"command": STRS},
    "sleep": {"seconds": I},
}
PROBE = {
    **HANDLER, "initialDelaySeconds": I, "periodSeconds": I, "timeoutSeconds": I,
    "failureThreshold": I, "successThreshold": I, "terminationGracePeriodSeconds": I,
}  # fmt: skip
RESOURCES = {"requests": Map(Q), "limits": Map(Q), "claims": OBJECTS}
ENV = [{"name": S, "value": S, "valueFrom": Map(OBJECT)}]
PORTS = [{"name": S, "containerPort!": I, "hostPort": I, "hostIP": S, "protocol": S}]
SECURITY_CONTEXT = {
    "runAsUser": I, "runAsGroup": I, "runAsNonRoot": B, "privileged": B, "fsGroup": I,
    "readOnlyRootFilesystem": B, "allowPrivilegeEscalation": B, "supplementalGroups": [I],
    "capabilities": {"add": STRS, "drop": STRS}, "sysctls": [{"name": S, "value": S}],
    "seccompProfile": {"type": S, "localhostProfile": S}, "appArmorProfile": {"type": S},
    "seLinuxOptions": MAP, "procMount": S,
}  # fmt: skip
CONTAINER = {
    "name": S, "image": S, "imagePullPolicy": S, "command": STRS, "args": STRS, "env": ENV,
    "envFrom": OBJECTS, "ports": PORTS, "resources": RESOURCES, "restartPolicy": S,
    "startupProbe": PROBE, "livenessProbe": PROBE, "readinessProbe": PROBE,
    "lifecycle": {"preStop": HANDLER, "postStart": HANDLER},
    "volumeMounts": [{"name": S, "mountPath": S, "subPath": S, "readOnly": B}],
    "securityContext": SECURITY_CONTEXT, "workingDir": S,
}  # fmt: skip
VOLUME = {
    "name": S, "emptyDir": {"medium": S, "sizeLimit": Q}, "hostPath": {"path": S, "type": S},
    "configMap": {"name": S, "optional": B}, "secret": {"secretName": S, "optional": B},
    "csi": {"driver": S, "volumeAttributes": MAP, "readOnly": B},
    "projected": {"sources": [Map(OBJECT)]}, "persistentVolumeClaim": {"claimName": S},
    "ephemeral": OBJECT, "downwardAPI": OBJECT,
}  # fmt: skip
POD_SPEC = {
    "containers": [CONTAINER], "initContainers": [CONTAINER], "ephemeralContainers": OBJECTS,
    "volumes": [VOLUME], "hostNetwork": B, "hostPID": B, "hostIPC": B, "nodeName": S,
    "nodeSelector": MAP, "serviceAccountName": S, "serviceAccount": S, "dnsPolicy": S,
    "automountServiceAccountToken": B,
    "dnsConfig": {
        "nameservers": STRS, "searches": STRS, "options": [{"name": S, "value": S}],
    },
    "hostAliases": [{"ip": S, "hostnames": STRS}], "securityContext": SECURITY_CONTEXT,
    "terminationGracePeriodSeconds": I, "restartPolicy": S, "shareProcessNamespace": B,
    "priorityClassName": S, "runtimeClassName": S, "schedulerName": S, "os": {"name": S},
    "readinessGates": [{"conditionType": S}], "activeDeadlineSeconds": I,
    "tolerations": [{"key": S, "operator": S, "value": S, "effect": S, "tolerationSeconds": I}],
    "affinity": {"nodeAffinity": OBJECT, "podAffinity": OBJECT, "podAntiAffinity": OBJECT},
    "topologySpreadConstraints": OBJECTS, "overhead": Map(Q), "imagePullSecrets": OBJECTS,
}  # fmt: skip
POD_STATUS = {
    "phase": S, "reason": S, "podIP": S, "conditions": CONDITIONS,
    "containerStatuses": [{"name": S, "ready": B, "image": S, "restartCount": I}],
}  # fmt: skip
POD = {"metadata": METADATA, "spec": POD_SPEC, "status": POD_STATUS}
TEMPLATE = {"metadata": METADATA, "spec": POD_SPEC}
ANY_STATUS = {"conditions": CONDITIONS, "observedGeneration": IS}
_COUNTS = {
    "replicas": I, "readyReplicas": I, "updatedReplicas": I, "availableReplicas": I,
    "unavailableReplicas": I, "currentReplicas": I, "desiredNumberScheduled": I,
    "numberReady": I, "updatedNumberScheduled": I, "numberAvailable": I, "numberUnavailable": I,
    "succeeded": I, "failed": I, "active": ANY,
}  # fmt: skip
CONTROLLER_STATUS = {**ANY_STATUS, **_COUNTS}
