{{/* All objects beside the pods: configuration, secret, monitoring. One file of the service's chart holds one line with it. */}}
{{- define "wsidecar.resources" -}}
{{- $w := .Values.wsidecar -}}
{{- $name := include "wsidecar.name" . -}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ $name }}
  labels:
    {{- include "wsidecar.labels" . | nindent 4 }}
data:
  wsidecar.yaml: |
    {{- include "wsidecar.config" . | nindent 4 }}
{{- with include "wsidecar.secretData" . }}
---
apiVersion: v1
kind: Secret
metadata:
  name: {{ $name }}
  labels:
    {{- include "wsidecar.labels" $ | nindent 4 }}
type: Opaque
data:
  {{- . | nindent 2 }}
{{- end }}
{{- if or $w.metrics.service $w.metrics.serviceMonitor.enabled }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ $name }}-metrics
  labels:
    {{- include "wsidecar.labels" . | nindent 4 }}
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
{{- with $w.metrics.serviceMonitor }}
{{- if .enabled }}
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  name: {{ $name }}
  labels:
    {{- include "wsidecar.labels" $ | nindent 4 }}
    {{- with .labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  selector:
    matchLabels:
      app.kubernetes.io/name: wsidecar
      app.kubernetes.io/instance: {{ $.Release.Name }}
  endpoints:
    - port: ws-admin
      path: /metrics
      interval: {{ .interval }}
{{- end }}
{{- end }}
{{- with $w.metrics.dashboard }}
{{- if .enabled }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ $name }}-dashboard
  labels:
    {{- include "wsidecar.labels" $ | nindent 4 }}
    {{- with .labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
data:
  wsidecar.json: |
    {{- $.Subcharts.wsidecar.Files.Get "files/dashboard.json" | nindent 4 }}
{{- end }}
{{- end }}
{{- with $w.metrics.alerts }}
{{- if .enabled }}
---
{{- if eq .kind "PrometheusRule" }}
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
{{- else }}
apiVersion: v1
kind: ConfigMap
{{- end }}
metadata:
  name: {{ $name }}-alerts
  labels:
    {{- include "wsidecar.labels" $ | nindent 4 }}
    {{- with .labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- if eq .kind "PrometheusRule" }}
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
