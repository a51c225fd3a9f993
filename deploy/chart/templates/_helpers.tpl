{{- define "autoscaler.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "autoscaler.fullname" -}}
{{- $name := include "autoscaler.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "autoscaler.selectorLabels" -}}
app.kubernetes.io/name: {{ include "autoscaler.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "autoscaler.labels" -}}
{{ include "autoscaler.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "autoscaler.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "autoscaler.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "autoscaler.image" -}}
{{- $image := .Values.image }}
{{- if $image.digest }}
{{- printf "%s@%s" $image.repository $image.digest }}
{{- else }}
{{- printf "%s:%s" $image.repository (default .Chart.AppVersion $image.tag) }}
{{- end }}
{{- end }}

{{- define "autoscaler.claimName" -}}
{{- default (printf "%s-state" (include "autoscaler.fullname" .)) .Values.state.persistence.existingClaim }}
{{- end }}

{{- /* The Leases that a replica reads one by one and writes: see autoscaler/control/shards.py. */}}
{{- define "autoscaler.leaseNames" -}}
{{- $name := include "autoscaler.fullname" . }}
{{- $names := list $name }}
{{- $shards := int .Values.sharding.shards }}
{{- if gt $shards 1 }}
{{- range $index := until $shards }}
{{- $names = concat $names (list (printf "%s-%d-of-%d" $name $index $shards) (printf "%s-replica-%d" $name $index)) }}
{{- end }}
{{- end }}
{{- toJson $names }}
{{- end }}

{{- define "autoscaler.tokenSecret" -}}
{{- if .Values.token.value }}
{{- printf "%s-token" (include "autoscaler.fullname" .) }}
{{- else }}
{{- .Values.token.existingSecret }}
{{- end }}
{{- end }}

{{- /* What the daemon reads: the user's keys, and those that only the chart can know. */}}
{{- define "autoscaler.config" -}}
{{- $config := deepCopy .Values.config }}
{{- $everai := default dict $config.everai }}
{{- $_ := set $everai "token_file" (printf "/var/run/secrets/everai/%s" .Values.token.key) }}
{{- $_ := set $config "everai" $everai }}
{{- $server := default dict $config.server }}
{{- $_ := set $server "listen" "0.0.0.0:8080" }}
{{- with .Values.apiTokens }}
{{- if and .existingSecret .actionKey }}
{{- $_ := set $server "action_token_file" (printf "/var/run/secrets/autoscaler/%s" .actionKey) }}
{{- end }}
{{- if and .existingSecret .readKey }}
{{- $_ := set $server "read_token_file" (printf "/var/run/secrets/autoscaler/%s" .readKey) }}
{{- end }}
{{- end }}
{{- $_ := set $config "server" $server }}
{{- $_ := set $config "state" (dict "path" "/var/lib/autoscaler/state.db") }}
{{- with .Values.state.database }}
{{- if .existingSecret }}
{{- $file := printf "/var/run/secrets/database/%s" .key }}
{{- $_ := set $config "state" (dict "url_file" $file) }}
{{- $history := default dict $config.history }}
{{- if not (or $history.path $history.url_file) }}
{{- $_ := set $config "history" (set $history "url_file" $file) }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.leaderElection }}
{{- if .enabled }}
{{- $election := dict "mode" "kubernetes" "lease_name" (include "autoscaler.fullname" $)
      "namespace" $.Release.Namespace "lease_duration" .leaseDuration
      "renew_deadline" .renewDeadline "retry_period" .retryPeriod }}
{{- $_ := set $config "leader_election" $election }}
{{- end }}
{{- end }}
{{- if gt (int .Values.sharding.shards) 1 }}
{{- $_ := set $config "sharding" (dict "shards" (int .Values.sharding.shards)) }}
{{- end }}
{{- with .Values.customResources }}
{{- if .enabled }}
{{- $_ := set $config "custom_resources" (dict "enabled" true "namespaces" .namespaces) }}
{{- end }}
{{- end }}
{{- toYaml $config }}
{{- end }}

{{- /* Name of what is outside the release's namespace, where another release may have our name. */}}
{{- define "autoscaler.clusterName" -}}
{{- printf "%s-%s" .Release.Namespace (include "autoscaler.fullname" .) }}
{{- end }}

{{- /* What the daemon may do with custom resources, wherever it reads them. */}}
{{- define "autoscaler.customResourcesRules" -}}
- apiGroups: [autoscaler.everai.dev]
  resources: [workerautoscalers]
  verbs: [get, list, watch]
- apiGroups: [autoscaler.everai.dev]
  resources: [workerautoscalers/status]
  verbs: [patch, update]
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch, update] # update: an Event that happens again is counted
{{- end }}

{{- define "autoscaler.subjects" -}}
- kind: ServiceAccount
  name: {{ include "autoscaler.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}

{{- /* The keys that a running daemon does not take over: a change of them rolls the pods. */}}
{{- define "autoscaler.restartChecksum" -}}
{{- $config := include "autoscaler.config" . | fromYaml }}
{{- omit $config "apps" "defaults" "discover" "fleet" "prices" | toJson | sha256sum }}
{{- end }}

{{- /* What cannot work is refused here, where the schema cannot see it. */}}
{{- define "autoscaler.check" -}}
{{- if not (or .Values.config.apps .Values.config.discover .Values.customResources.enabled) }}
{{- fail "config.apps is empty. List your apps, e.g. --set 'config.apps[0].name=sd15,config.apps[0].max_workers=8', give a rule under config.discover, or set customResources.enabled=true and apply WorkerAutoscaler objects." }}
{{- end }}
{{- with .Values.customResources }}
{{- if and (has "*" .namespaces) (gt (len .namespaces) 1) }}
{{- fail "customResources.namespaces names others beside \"*\", which takes all. Choose one." }}
{{- end }}
{{- end }}
{{- if gt (int .Values.replicaCount) 1 }}
{{- if not .Values.leaderElection.enabled }}
{{- fail (printf "replicaCount is %d without leaderElection.enabled: two daemons would take each other for a foreign scaler. Set leaderElection.enabled=true, or replicaCount=1." (int .Values.replicaCount)) }}
{{- end }}
{{- with .Values.state.persistence }}
{{- if and .enabled (not $.Values.state.database.existingSecret) (not .existingClaim) (not (has "ReadWriteMany" .accessModes)) }}
{{- fail "state.persistence.accessModes: replicas on several nodes need ReadWriteMany. Set it (and a storage class that has it), or state.persistence.enabled=false." }}
{{- end }}
{{- end }}
{{- end }}
{{- $shards := int .Values.sharding.shards }}
{{- if gt $shards 1 }}
{{- if not .Values.leaderElection.enabled }}
{{- fail (printf "sharding.shards is %d without leaderElection.enabled: the Leases say who acts for which app. Set leaderElection.enabled=true, or sharding.shards=1." $shards) }}
{{- end }}
{{- if not .Values.state.database.existingSecret }}
{{- fail (printf "sharding.shards is %d without state.database.existingSecret: whoever gets a shard must know what was ordered before. Make a Secret with the address of a PostgreSQL database, and name it." $shards) }}
{{- end }}
{{- if gt (int .Values.replicaCount) $shards }}
{{- fail (printf "replicaCount is %d and sharding.shards %d: the rest of the pods would have nothing to do. Set sharding.shards to three or four for each pod." (int .Values.replicaCount) $shards) }}
{{- end }}
{{- with .Values.config.fleet }}
{{- if or .max_workers .max_price_per_hour }}
{{- fail "config.fleet: a ceiling over all apps cannot be kept with sharding.shards above 1, since each replica sees only its own apps. Take it out, or set sharding.shards=1." }}
{{- end }}
{{- end }}
{{- end }}
{{- if and .Values.metrics.serviceMonitor.enabled .Values.metrics.podMonitor.enabled }}
{{- fail "metrics.serviceMonitor.enabled and metrics.podMonitor.enabled are both true: every series would be scraped twice. Choose one." }}
{{- end }}
{{- end }}
