{{/* All objects beside the pods: configuration, secret, monitoring. One file of the service's chart holds one line with it. */}}
{{- define "wsidecar.resources" -}}
{{- $w := .Values.wsidecar -}}
{{- $name := include "wsidecar.name" . -}}
{{- $operator := "monitoring.coreos.com/v1" -}}
{{- include "wsidecar.configMaps" . }}
{{- with include "wsidecar.secretData" . }}
---
apiVersion: v1
kind: Secret
metadata:
  {{- include "wsidecar.metadata" (list $ $name) | nindent 2 }}
type: Opaque
data:
  {{- . | nindent 2 }}
{{- end }}
{{- $service := include "wsidecar.wanted" (list . $w.metrics.serviceMonitor.enabled $operator) }}
{{- $pod := include "wsidecar.wanted" (list . $w.metrics.podMonitor.enabled $operator) }}
{{- if and $service $pod }}
{{- fail "wsidecar.metrics: with serviceMonitor and podMonitor everything is scraped twice; enable one of them" }}
{{- end }}
{{- if or $w.metrics.service $service }}
---
apiVersion: v1
kind: Service
metadata:
  {{- include "wsidecar.metadata" (list . (printf "%s-metrics" $name)) | nindent 2 }}
spec:
  clusterIP: None
  publishNotReadyAddresses: true
  selector:
    {{- include "wsidecar.podLabels" . | nindent 4 }}
  ports:
    - name: ws-admin
      port: {{ include "wsidecar.adminPort" . }}
      targetPort: {{ include "wsidecar.adminPort" . }}
{{- end }}
{{- if $service }}
---
apiVersion: {{ $operator }}
kind: ServiceMonitor
metadata:
  {{- include "wsidecar.metadata" (list . $name $w.metrics.serviceMonitor.labels $w.metrics.serviceMonitor.annotations) | nindent 2 }}
spec:
  selector:
    matchLabels:
      app.kubernetes.io/name: wsidecar
      app.kubernetes.io/instance: {{ .Release.Name }}
  endpoints:
    - port: ws-admin
      path: /metrics
      interval: {{ $w.metrics.serviceMonitor.interval }}
{{- end }}
{{- if $pod }}
---
apiVersion: {{ $operator }}
kind: PodMonitor
metadata:
  {{- include "wsidecar.metadata" (list . $name $w.metrics.podMonitor.labels $w.metrics.podMonitor.annotations) | nindent 2 }}
spec:
  selector:
    matchLabels:
      {{- include "wsidecar.podLabels" . | nindent 6 }}
  podMetricsEndpoints:
    - port: ws-admin
      path: /metrics
      interval: {{ $w.metrics.podMonitor.interval }}
{{- end }}
{{- with $w.metrics.dashboard }}
{{- if .enabled }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  {{- include "wsidecar.metadata" (list $ (printf "%s-dashboard" $name) .labels .annotations) | nindent 2 }}
data:
  wsidecar.json: |
    {{- $.Subcharts.wsidecar.Files.Get "files/dashboard.json" | nindent 4 }}
{{- end }}
{{- end }}
{{- with $w.metrics.alerts }}
{{- if .enabled }}
{{- $rule := or (eq .kind "PrometheusRule") (and (eq .kind "auto") (include "wsidecar.wanted" (list $ "auto" $operator))) }}
---
{{- if $rule }}
apiVersion: {{ $operator }}
kind: PrometheusRule
{{- else }}
apiVersion: v1
kind: ConfigMap
{{- end }}
metadata:
  {{- include "wsidecar.metadata" (list $ (printf "%s-alerts" $name) .labels .annotations) | nindent 2 }}
{{- if $rule }}
spec:
  {{- $.Subcharts.wsidecar.Files.Get "files/alerts.yaml" | replace "https://wsidecar.example/k8s/README.md" .runbookUrl | fromYaml | toYaml | nindent 2 }}
{{- else }}
data:
  wsidecar.yaml: |
    {{- $.Subcharts.wsidecar.Files.Get "files/alerts.yaml" | replace "https://wsidecar.example/k8s/README.md" .runbookUrl | nindent 4 }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/*
The configuration's ConfigMap, and the former ones: pods that still run with one of them need it when they are made anew. `helm upgrade`
would delete what is not rendered, so the three newest are taken over as they are; `helm uninstall` deletes them all. Nothing is looked
up by `helm template` (Argo CD), where PruneLast keeps the former one until the update is through.
*/}}
{{- define "wsidecar.configMaps" -}}
{{- $name := include "wsidecar.configName" . -}}
{{- $annotations := dict "argocd.argoproj.io/sync-options" "PruneLast=true" -}}
{{- $labels := dict "app.kubernetes.io/component" "configuration" -}}
apiVersion: v1
kind: ConfigMap
metadata:
  {{- include "wsidecar.metadata" (list . $name $labels $annotations) | nindent 2 }}
{{- if .Values.wsidecar.restartOnChange }}
immutable: true
{{- end }}
data:
  wsidecar.yaml: |
    {{- include "wsidecar.config" . | nindent 4 }}
{{- $former := dict }}
{{- range (lookup "v1" "ConfigMap" .Release.Namespace "").items }}
{{- $is := .metadata.labels | default dict }}
{{- if and (eq (get $is "app.kubernetes.io/instance") $.Release.Name) (eq (get $is "app.kubernetes.io/name") "wsidecar") (eq (get $is "app.kubernetes.io/component") "configuration") (ne .metadata.name $name) }}
{{- $_ := set $former (printf "%s %s" .metadata.creationTimestamp .metadata.name) . }}
{{- end }}
{{- end }}
{{- $newest := keys $former | sortAlpha | reverse }}
{{- range slice $newest 0 (min 3 (len $newest)) }}
{{- with get $former . }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  {{- include "wsidecar.metadata" (list $ .metadata.name $labels $annotations) | nindent 2 }}
{{- if .immutable }}
immutable: true
{{- end }}
data:
  {{- toYaml .data | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}
