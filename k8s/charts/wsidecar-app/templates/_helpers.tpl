{{- define "wsidecar-app.name" -}}
{{ .Values.fullnameOverride | default (.Release.Name | replace "." "-") | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "wsidecar-app.selector" -}}
app.kubernetes.io/name: {{ include "wsidecar-app.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "wsidecar-app.labels" -}}
{{ include "wsidecar-app.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}
