{{/*
The sidecar as one entry of a list of containers: of `initContainers` (native), or the first of `containers`.
preStop runs while the app still lives, so that disconnect events are taken and answers in flight arrive; the SIGTERM that follows
ends it at once.
*/}}
{{- define "wsidecar.container" -}}
{{- $w := .Values.wsidecar -}}
- name: wsidecar
  image: {{ include "wsidecar.image" . | quote }}
  imagePullPolicy: {{ $w.image.pullPolicy }}
  {{- if include "wsidecar.native" . }}
  restartPolicy: Always
  {{- end }}
  args: [run, --config, /etc/wsidecar/wsidecar.yaml]
  env:
    - name: POD_NAME
      valueFrom: {fieldRef: {fieldPath: metadata.name}}
    {{- with $w.env }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $w.envFrom }}
  envFrom:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  ports:
    - name: ws
      containerPort: {{ include "wsidecar.clientPort" . }}
    - name: ws-admin
      containerPort: {{ include "wsidecar.adminPort" . }}
  startupProbe:
    httpGet: {path: /startupz, port: ws-admin}
    {{- toYaml $w.probes.startup | nindent 4 }}
  livenessProbe:
    httpGet: {path: /livez, port: ws-admin}
    {{- toYaml $w.probes.liveness | nindent 4 }}
  readinessProbe:
    httpGet: {path: /readyz, port: ws-admin}
    {{- toYaml $w.probes.readiness | nindent 4 }}
  lifecycle:
    preStop:
      exec:
        command: [/usr/local/bin/wsidecar, drain, --config, /etc/wsidecar/wsidecar.yaml]
  {{- with $w.resources }}
  resources:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- include "wsidecar.securityContext" (list . $w.securityContext) | nindent 4 }}
  volumeMounts:
    - name: wsidecar
      mountPath: /etc/wsidecar
      readOnly: true
    {{- with $w.volumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}

{{/* For the pod's spec: the grace period and, when native, the sidecar. A chart with init containers of its own writes both out. */}}
{{- define "wsidecar.podSpec" -}}
terminationGracePeriodSeconds: {{ include "wsidecar.gracePeriod" . }}
{{- if include "wsidecar.native" . }}
initContainers:
  {{- include "wsidecar.container" . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The first entry of `containers` on clusters before 1.29; nothing on others. */}}
{{- define "wsidecar.classicContainer" -}}
{{- if not (include "wsidecar.native" .) -}}
{{ include "wsidecar.container" . }}
{{- end -}}
{{- end }}

{{/* Entries of `volumes`: the configuration and its secrets, and what the sidecar is given beside it. */}}
{{- define "wsidecar.volumes" -}}
{{- $w := .Values.wsidecar -}}
{{- $name := include "wsidecar.name" . -}}
- name: wsidecar
  projected:
    sources:
      - configMap:
          name: {{ include "wsidecar.configName" . }}
          items: [{key: wsidecar.yaml, path: wsidecar.yaml}]
      {{- range $secret, $file := dict "redisPassword" "redis-password" "sentinelPassword" "sentinel-password" "signing" "signing-secret" "adminToken" "admin-token" }}
      {{- $s := index $w.secrets $secret }}
      {{- if $s.value }}
      - secret:
          name: {{ $name }}
          items: [{key: {{ $file }}, path: {{ $file }}}]
      {{- else if $s.name }}
      - secret:
          name: {{ $s.name }}
          items: [{key: {{ $s.key | quote }}, path: {{ $file }}}]
      {{- end }}
      {{- end }}
      {{- range $secret, $file := dict "redisCa" "redis-ca.crt" "sentinelCa" "sentinel-ca.crt" }}
      {{- with index $w.secrets $secret }}
      {{- if .name }}
      - secret:
          name: {{ .name }}
          items: [{key: {{ .key | quote }}, path: {{ $file }}}]
      {{- end }}
      {{- end }}
      {{- end }}
      {{- range $secret, $file := dict "redisTls" "redis-tls" "sentinelTls" "sentinel-tls" "listenTls" "listen-tls" }}
      {{- with (index $w.secrets $secret).name }}
      - secret:
          name: {{ . }}
          items: [{key: tls.crt, path: {{ $file }}.crt}, {key: tls.key, path: {{ $file }}.key}]
      {{- end }}
      {{- end }}
{{- with $w.volumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* `lifecycle` of the app's container: it stays until its clients have gone. */}}
{{- define "wsidecar.appLifecycle" -}}
{{- $how := .Values.wsidecar.appPreStop -}}
{{- $seconds := include "wsidecar.appWait" . -}}
preStop:
  {{- if or (eq $how "sleep") (and (eq $how "auto") (semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version)) }}
  sleep: {seconds: {{ $seconds }}}
  {{- else }}
  exec: {command: [sleep, {{ $seconds | quote }}]}
  {{- end }}
{{- end }}

{{/* The app's `env`: what it needs to push. */}}
{{- define "wsidecar.appEnv" -}}
- name: WSIDECAR_PREFIX
  value: {{ include "wsidecar.prefix" . | quote }}
{{- end }}

{{/* A changed configuration or secret of the chart replaces the pods, by the checksum; a changed prefix does so in any case. */}}
{{- define "wsidecar.podAnnotations" -}}
wsidecar/prefix: {{ include "wsidecar.prefix" . | quote }}
{{- if .Values.wsidecar.restartOnChange }}
checksum/wsidecar: {{ printf "%s\n%s" (include "wsidecar.config" .) (include "wsidecar.secretData" .) | sha256sum }}
{{- end }}
{{- $m := .Values.wsidecar.metrics }}
{{- $service := include "wsidecar.wanted" (list . $m.serviceMonitor.enabled "monitoring.coreos.com/v1") }}
{{- if and $m.annotations (not $service) (not (include "wsidecar.wanted" (list . $m.podMonitor.enabled "monitoring.coreos.com/v1"))) }}
prometheus.io/scrape: "true"
prometheus.io/port: {{ include "wsidecar.adminPort" . | quote }}
prometheus.io/path: /metrics
{{- end }}
{{- end }}
