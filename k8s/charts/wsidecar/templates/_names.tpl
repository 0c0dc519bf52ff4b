{{/* Name of everything that belongs to the sidecar and not to the app. */}}
{{- define "wsidecar.name" -}}
{{ printf "%s-wsidecar" (.Release.Name | replace "." "-" | trunc 44 | trimSuffix "-") }}
{{- end }}

{{- define "wsidecar.labels" -}}
app.kubernetes.io/name: wsidecar
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Marks pods that have a sidecar; the metrics' Service selects by it. */}}
{{- define "wsidecar.podLabels" -}}
wsidecar/release: {{ .Release.Name }}
{{- end }}

{{/* "true" when the sidecar is an init container that stays. */}}
{{- define "wsidecar.native" -}}
{{- $wanted := toString .Values.wsidecar.nativeSidecar -}}
{{- if or (eq $wanted "true") (and (eq $wanted "auto") (semverCompare ">=1.29.0-0" .Capabilities.KubeVersion.Version)) -}}
true
{{- end -}}
{{- end }}

{{- define "wsidecar.image" -}}
{{- with .Values.wsidecar.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Subcharts.wsidecar.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* A duration of the configuration (5s, 250ms, 1m) in whole seconds, rounded up. */}}
{{- define "wsidecar.seconds" -}}
{{- $text := toString . -}}
{{- $n := regexFind "^[0-9]+" $text | int -}}
{{- if hasSuffix "ms" $text }}{{ div (add $n 999) 1000 }}
{{- else if hasSuffix "m" $text }}{{ mul $n 60 }}
{{- else if hasSuffix "h" $text }}{{ mul $n 3600 }}
{{- else if hasSuffix "d" $text }}{{ mul $n 86400 }}
{{- else }}{{ $n }}
{{- end -}}
{{- end }}

{{/* The port of an address like 0.0.0.0:8000. */}}
{{- define "wsidecar.port" -}}
{{ regexFind "[0-9]+$" (toString .) }}
{{- end }}

{{/* Numbers, where others look the pod's ports up: not every controller and CNI finds the names of an init container's ports. */}}
{{- define "wsidecar.clientPort" -}}
{{ include "wsidecar.port" ((((.Values.wsidecar.config).listen).address) | default "0.0.0.0:8000") }}
{{- end }}

{{- define "wsidecar.adminPort" -}}
{{ include "wsidecar.port" ((((.Values.wsidecar.config).admin).address) | default "0.0.0.0:9090") }}
{{- end }}
