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

{{/*
`name`, `labels` and `annotations` of an object: list CONTEXT NAME [LABELS ANNOTATIONS]. The common ones are on every object; an object's
own override them, and the labels that selectors use override all.
*/}}
{{- define "wsidecar.metadata" -}}
{{- $context := index . 0 -}}
{{- $given := concat . (list dict dict) -}}
{{- $fixed := fromYaml (include "wsidecar.labels" $context) -}}
{{- $common := fromYaml (include "wsidecar.common" $context) -}}
name: {{ index . 1 }}
labels:
  {{- mergeOverwrite (dict) $common.labels (index $given 2 | default dict) $fixed | toYaml | nindent 2 }}
{{- with mergeOverwrite (dict) $common.annotations (index $given 3 | default dict) }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Labels and annotations of every object: the library's values, and those of the chart wsidecar-app. */}}
{{- define "wsidecar.common" -}}
{{- $app := dict -}}
{{- if eq .Chart.Name "wsidecar-app" -}}{{- $app = .Values -}}{{- end -}}
labels:
  {{- merge (dict) (.Values.wsidecar.commonLabels | default dict) ($app.commonLabels | default dict) | toYaml | nindent 2 }}
annotations:
  {{- merge (dict) (.Values.wsidecar.commonAnnotations | default dict) ($app.commonAnnotations | default dict) | toYaml | nindent 2 }}
{{- end }}

{{/*
Name of the ConfigMap. Each configuration has one of its own, so that pods of the former one that restart, or are made anew while an
update stands still, read the file that they were started with. With restartOnChange: false only what takes a restart makes a new one;
the rest changes in place, and wsidecar reads it anew.
*/}}
{{- define "wsidecar.configName" -}}
{{- $text := include "wsidecar.config" . -}}
{{- if not .Values.wsidecar.restartOnChange -}}
{{- $text = include "wsidecar.restartPart" (list . $text) -}}
{{- end -}}
{{ include "wsidecar.name" . }}-{{ $text | sha256sum | trunc 8 }}
{{- end }}

{{/* The members of a configuration that wsidecar reads only when it starts: list CONTEXT TEXT. */}}
{{- define "wsidecar.restartPart" -}}
{{- $config := fromYaml (index . 1) -}}
{{- range (index . 0).Subcharts.wsidecar.Files.Get "files/restart.json" | fromJsonArray -}}
{{- $at := $config -}}
{{- range splitList "." . -}}
{{- if kindIs "map" $at -}}{{- $at = get $at . -}}{{- else -}}{{- $at = "" -}}{{- end -}}
{{- end -}}
{{ . }}={{ toJson $at }};
{{- end -}}
{{- end }}

{{/* "true" where OpenShift gives each namespace user ids of its own and refuses others. */}}
{{- define "wsidecar.openshift" -}}
{{- $wanted := toString .Values.wsidecar.openshift -}}
{{- if or (eq $wanted "true") (and (eq $wanted "auto") (.Capabilities.APIVersions.Has "security.openshift.io/v1")) -}}
true
{{- end -}}
{{- end }}

{{/* A security context as the cluster takes it: list CONTEXT SECURITYCONTEXT. */}}
{{- define "wsidecar.securityContext" -}}
{{- $context := index . 1 -}}
{{- if include "wsidecar.openshift" (index . 0) -}}
{{- $context = omit $context "runAsUser" "runAsGroup" "fsGroup" -}}
{{- end -}}
{{ toYaml $context }}
{{- end }}

{{/* "true" when an object of another project's kind is wanted: list CONTEXT ENABLED APIVERSION. auto: where the cluster knows the kind. */}}
{{- define "wsidecar.wanted" -}}
{{- $enabled := toString (index . 1) -}}
{{- if or (eq $enabled "true") (and (eq $enabled "auto") ((index . 0).Capabilities.APIVersions.Has (index . 2))) -}}
true
{{- end -}}
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
