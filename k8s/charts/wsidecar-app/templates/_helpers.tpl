{{- define "wsidecar-app.name" -}}
{{ .Values.fullnameOverride | default (.Release.Name | replace "." "-") | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Refuses what the schema cannot: values that are right one by one and do not work together. */}}
{{- define "wsidecar-app.check" -}}
{{- $app := .Values.app -}}
{{- if eq (toString ((.Values.wsidecar.config).redis).url) "none" -}}
{{- if or .Values.autoscaling.enabled (gt (int .Values.replicas) 1) -}}
{{- fail "wsidecar.config.redis.url: none is for a single pod, which reaches only its own clients; set replicas: 1, and autoscaling off" -}}
{{- end -}}
{{- end -}}
{{- range $app.env -}}
{{- if eq .name "WSIDECAR_PREFIX" -}}
{{- fail "app.env: the chart sets WSIDECAR_PREFIX; wsidecar.prefix changes it" -}}
{{- end -}}
{{- end -}}
{{- $own := list (include "wsidecar.clientPort" .) (include "wsidecar.adminPort" .) (toString .Values.wsidecar.appPort) -}}
{{- range $app.ports -}}
{{- if and (has (toString .containerPort) $own) (eq (.protocol | default "TCP") "TCP") -}}
{{- fail (printf "app.ports: port %d is the app's (wsidecar.appPort) or wsidecar's already" (int .containerPort)) -}}
{{- end -}}
{{- if eq (.name | default "") "app" -}}
{{- fail "app.ports: the name app is that of wsidecar.appPort" -}}
{{- end -}}
{{- end -}}
{{- $volumes := list "wsidecar" -}}
{{- if $app.tmp -}}{{- $volumes = append $volumes "tmp" -}}{{- end -}}
{{- range concat (.Values.wsidecar.volumes | default list) (.Values.volumes | default list) -}}
{{- if has .name $volumes -}}
{{- fail (printf "volumes: %s is there twice; the chart's own are wsidecar and, with app.tmp, tmp" .name) -}}
{{- end -}}
{{- $volumes = append $volumes .name -}}
{{- end -}}
{{- range $where, $mounts := dict "app" $app.volumeMounts "wsidecar" .Values.wsidecar.volumeMounts -}}
{{- range $mounts -}}
{{- if not (has .name $volumes) -}}
{{- fail (printf "%s.volumeMounts: %s is not in volumes" $where .name) -}}
{{- end -}}
{{- if and (eq $where "app") $app.tmp (eq (trimSuffix "/" .mountPath) "/tmp") -}}
{{- fail "app.volumeMounts: /tmp is mounted already; set app.tmp to false" -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "wsidecar-app.serviceAccount" -}}
{{- if .Values.serviceAccountName -}}
{{ .Values.serviceAccountName }}
{{- else if .Values.serviceAccount.create -}}
{{ include "wsidecar-app.name" . }}
{{- end -}}
{{- end }}

{{/*
How many pods the Deployment asks for: `replicas`, or with autoscaling what the live Deployment has. Were the member left out of an
upgrade, Helm would take it away and the API server would put 1 in its place, until the autoscaler comes round. `helm template` (Argo
CD) sees no Deployment, and leaves it out: an Application ignores /spec/replicas (README).
*/}}
{{- define "wsidecar-app.replicas" -}}
{{- if not .Values.autoscaling.enabled -}}
{{ .Values.replicas }}
{{- else -}}
{{- with (lookup "apps/v1" "Deployment" .Release.Namespace (include "wsidecar-app.name" .)).spec -}}
{{ .replicas }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* A number as the API server writes it (10000 as 10k): what comes back differently looks like a drift to Argo CD. */}}
{{- define "wsidecar-app.quantity" -}}
{{- if and (gt . 0) (eq (mod . 1000000) 0) -}}{{ div . 1000000 }}M
{{- else if and (gt . 0) (eq (mod . 1000) 0) -}}{{ div . 1000 }}k
{{- else -}}{{ . }}
{{- end -}}
{{- end }}

{{/* The app's probe as it is given; livenessProbe gets a grace period of its own. list CONTEXT NAME */}}
{{- define "wsidecar-app.probe" -}}
{{- $probe := index (index . 0).Values.app (index . 1) -}}
{{- if and $probe (eq (index . 1) "livenessProbe") -}}
{{- $probe = merge (dict) $probe (dict "terminationGracePeriodSeconds" 10) -}}
{{- end -}}
{{- with $probe -}}{{ toYaml . }}{{- end -}}
{{- end }}

{{- define "wsidecar-app.selector" -}}
app.kubernetes.io/name: {{ include "wsidecar-app.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* `name`, `labels` and `annotations` of an object: list CONTEXT [LABELS ANNOTATIONS]. As wsidecar.metadata, with the app's labels. */}}
{{- define "wsidecar-app.metadata" -}}
{{- $context := index . 0 -}}
{{- $given := concat . (list dict dict) -}}
{{- $fixed := fromYaml (include "wsidecar-app.labels" $context) -}}
{{- $common := fromYaml (include "wsidecar.common" $context) -}}
name: {{ include "wsidecar-app.name" $context }}
labels:
  {{- mergeOverwrite (dict) $common.labels (index $given 1 | default dict) $fixed | toYaml | nindent 2 }}
{{- with mergeOverwrite (dict) $common.annotations (index $given 2 | default dict) }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "wsidecar-app.labels" -}}
{{ include "wsidecar-app.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}
